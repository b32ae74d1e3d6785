import { type Action, defineConfig, type User } from "tidemark/server";
import { collections } from "./collections.ts";
import { memberOf } from "./team.ts";

const LOOPBACK = ["localhost", "127.0.0.1", "[::1]"];

/**
 * There are no passwords here: whoever says to be Ann is Ann. So the board listens on this machine only, and no page of
 * another site gets an answer, whatever name it bends to this machine.
 */
function authenticate(request: Request): User | null {
  const addresses = [request.url, request.headers.get("origin")].filter((address) => address !== null);
  if (!addresses.every((address) => LOOPBACK.includes(new URL(address).hostname))) return null;
  const person = /^Bearer (\w+)$/.exec(request.headers.get("authorization") ?? "")?.[1] ?? "";
  return memberOf(person) === undefined ? null : { id: person };
}

function authorize(user: User, action: Action): boolean {
  const member = memberOf(user.id);
  if (member === undefined) return false;
  if (action.do === "head") return true;
  if (action.do === "admin" || action.do === "authors") return member.admin && action.space === "tasks";
  if (member.projects.some((project) => action.scope === `project/${project}`)) return true;
  return action.scope === "people" && (action.do === "read" || member.id === "ann");
}

export default defineConfig({ spaces: ["tasks"], collections, auth: { authenticate, authorize } });
