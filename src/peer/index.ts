export type { LinkConfig, LinksConfig } from "../server/links-config.ts";
export type { LinkDetails, LinkState, LinkStatus, WireConflict } from "../wire/links.ts";
export { linksOver, startLinks } from "./links.ts";
