export { open } from "../tidemark/client.ts";
