export { heldSweep, type Sweep } from "./guard.ts";
export { ADMINISTRATOR, CREDENTIALS, SESSIONS, SYSTEM } from "./names.ts";
export type { Argon2 } from "./passwords.ts";
export { createUsers, type Users, type UsersOptions } from "./users.ts";
