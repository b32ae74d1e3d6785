export { keyNameOf, LASTS } from "./grants.ts";
export { newKeys, signedBy, statementOf, timeFlaw } from "./keys.ts";
