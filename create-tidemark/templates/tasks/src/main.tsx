import "./style.css";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { TidemarkPanel } from "tidemark/react/panel";
import { App } from "./app.tsx";
import { client, network, TidemarkProvider } from "./tidemark.ts";

createRoot(document.getElementById("root") as HTMLElement).render(
  <StrictMode>
    <TidemarkProvider client={client}>
      <App />
      {network && <TidemarkPanel network={network} />}
    </TidemarkProvider>
  </StrictMode>,
);
