export type { RestorePolicy } from "../model/batch.ts";
export type { Action, Authorize } from "../model/grant.ts";
export { type Inherit, inherit } from "../model/inherit.ts";
export {
  type Collection,
  type Collections,
  collection,
  type Policy,
  type RecordOf,
  type User,
} from "../model/schema.ts";
export { LIMITS, type Limits, type RateLimits } from "../wire/limits.ts";
export type { AdoptConfig, AdoptedSpace, AdoptedTable } from "./adopt-config.ts";
export { type Age, ageOf } from "./age.ts";
export {
  type AuthConfig,
  type Config,
  ConfigError,
  defineConfig,
  type Settings,
  settingsOf,
  type UsersConfig,
} from "./config.ts";
export { withConsole } from "./console.ts";
export type { Context } from "./handler.ts";
export type { Arriving, Held, Identity, IdentityHost, Intake, ReservedSpace, SpaceRule } from "./identity.ts";
export { type LinkHost, type Links, NO_LINKS, type StartLinks } from "./links.ts";
export type { LinkConfig, LinkPlan, LinksConfig } from "./links-config.ts";
export { type Listening, type ListenOptions, listen } from "./listen.ts";
export type { Handshake } from "./live/live.ts";
export type { CloseCode, LivePeer, LiveSocket } from "./live/socket.ts";
export { type Log, type LogFields, logTo, noLog } from "./log.ts";
export type { Ages } from "./retention.ts";
export { createServer, type Server, type ServerOptions } from "./server.ts";
export { Vault, VaultError } from "./vault.ts";
export type { WarehouseConfig, WarehousesConfig } from "./warehouses-config.ts";
