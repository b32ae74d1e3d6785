export type { LinkConfig, LinksConfig } from "../server/links-config.ts";
export type { LinkDetails, LinkState, LinkStatus, WireConflict } from "../wire/links.ts";
export { type Carried, NotCarried, takeCarried } from "./carried.ts";
export { linksOver, startLinks } from "./links.ts";
export { planOf } from "./stored.ts";
