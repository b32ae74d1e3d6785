import { createRoot } from "react-dom/client";
import { App } from "./app.tsx";

const root = document.getElementById("root");
if (root === null) throw new Error("the page has no root");
root.setAttribute("data-started", "");
createRoot(root).render(<App />);
