/** The worker of the store on OPFS, as an application of Vite names it. */
export const worker = () => new Worker(new URL("tidemark/client/opfs/worker", import.meta.url), { type: "module" });
