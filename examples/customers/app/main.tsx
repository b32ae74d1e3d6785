import "./no-eval.ts";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { createClient } from "tidemark/client";
import { memoryStore } from "tidemark/client/memory";
import { collections } from "../collections.ts";
import { App } from "./app.tsx";
import { TidemarkProvider } from "./hooks.ts";

// In memory: these are people's data, and nothing of them is to stay on the device.
const client = createClient({
  url: location.origin,
  space: "main",
  schema: { collections },
  store: memoryStore(),
});
client.subscribe({ scope: "*", collections: ["customers"] });

createRoot(document.getElementById("root") as HTMLElement).render(
  <StrictMode>
    <TidemarkProvider client={client}>
      <App />
    </TidemarkProvider>
  </StrictMode>,
);
