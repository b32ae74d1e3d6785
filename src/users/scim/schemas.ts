import { isObject } from "../../util/json.ts";
import { SCHEMAS, ScimError, type Scimmy, short } from "./protocol.ts";

/** The attributes that there are, of which everything else is derived. */
export type Attributes = { readonly [name: string]: AttributeType };
export type AttributeType =
  | "string"
  | "boolean"
  | "reference"
  | { readonly of: Attributes; readonly several?: boolean };

const typed = { value: "string", display: "string", type: "string", primary: "boolean" } as const;

export const USER: Attributes = {
  userName: "string",
  externalId: "string",
  displayName: "string",
  name: {
    of: {
      formatted: "string",
      familyName: "string",
      givenName: "string",
      middleName: "string",
      honorificPrefix: "string",
      honorificSuffix: "string",
    },
  },
  nickName: "string",
  profileUrl: "reference",
  title: "string",
  userType: "string",
  preferredLanguage: "string",
  locale: "string",
  timezone: "string",
  active: "boolean",
  password: "string",
  emails: { of: typed, several: true },
  phoneNumbers: { of: typed, several: true },
  addresses: {
    of: {
      formatted: "string",
      streetAddress: "string",
      locality: "string",
      region: "string",
      postalCode: "string",
      country: "string",
      type: "string",
      primary: "boolean",
    },
    several: true,
  },
  groups: { of: { value: "string", $ref: "reference", display: "string", type: "string" }, several: true },
};

export const ENTERPRISE: Attributes = {
  employeeNumber: "string",
  costCenter: "string",
  organization: "string",
  division: "string",
  department: "string",
  manager: { of: { value: "string", $ref: "reference", displayName: "string" } },
};

export const GROUP: Attributes = {
  displayName: "string",
  externalId: "string",
  members: { of: { value: "string", $ref: "reference", display: "string", type: "string" }, several: true },
};

/** Sent along by everybody, and set by the server. */
const COMMON = ["schemas", "id", "meta"];

/** Of users, the extension under a short name inside, under its URN on the wire. */
export const WHOLE_USER: Attributes = { ...USER, enterprise: { of: ENTERPRISE } };

/**
 * A body with its attributes named as in the schema, truth as truth and without what is null or the server's to set; unknown
 * attributes are refused.
 */
export function tidied(body: unknown, attributes: Attributes): { [name: string]: unknown } {
  if (!isObject(body)) throw new ScimError(400, "invalidSyntax", "the body is a JSON object");
  const own = Object.entries(body).filter(([key]) => !COMMON.includes(key.toLowerCase()));
  const named = own.map(([key, value]) => [withoutUrn(key), value] as const);
  return tidiedParts(Object.fromEntries(named), attributes, "");
}

/** A path or a key without the URN of its schema, which may stand before it. */
export function withoutUrn(path: string): string {
  const lower = path.toLowerCase();
  if (lower === SCHEMAS.enterprise.toLowerCase()) return "enterprise";
  if (lower.startsWith(`${SCHEMAS.enterprise.toLowerCase()}:`))
    return `enterprise.${path.slice(SCHEMAS.enterprise.length + 1)}`;
  const core = [SCHEMAS.user, SCHEMAS.group].find((urn) => lower.startsWith(`${urn.toLowerCase()}:`));
  return core === undefined ? path : path.slice(core.length + 1);
}

function tidiedParts(value: unknown, attributes: Attributes, path: string): { [name: string]: unknown } {
  if (!isObject(value)) throw new ScimError(400, "invalidValue", `${path} is an object`);
  const parts: { [name: string]: unknown } = {};
  for (const [key, part] of Object.entries(value)) {
    const at = path === "" ? key : `${path}.${key}`;
    const name = Object.keys(attributes).find((one) => one.toLowerCase() === key.toLowerCase());
    if (name === undefined) throw new ScimError(400, "invalidSyntax", `there is no attribute ${short(at)}`);
    if (part !== null) parts[name] = tidiedValue(part, attributes[name] as AttributeType, at);
  }
  return parts;
}

function tidiedValue(value: unknown, type: AttributeType, path: string): unknown {
  if (type === "boolean") return truth(value);
  if (typeof type === "string") return value;
  if (!type.several) return tidiedParts(value, type.of, path);
  return (Array.isArray(value) ? value : [value]).map((one) => tidiedParts(one, type.of, path));
}

/** Entra sends "True" and "False" as text. */
export function truth(value: unknown): unknown {
  const text = typeof value === "string" ? value.toLowerCase() : null;
  return text === "true" || text === "false" ? text === "true" : value;
}

/** scimmy's own definitions of the attributes, for the discovery, the patch and the check of types. */
export function definitionsOf(scimmy: Scimmy): Definitions {
  const found = known.get(scimmy) ?? madeOf(scimmy);
  known.set(scimmy, found);
  return found;
}

type Definitions = ReturnType<typeof madeOf>;
const known = new WeakMap<Scimmy, Definitions>();

function madeOf({ Types }: Scimmy) {
  // `externalId` belongs to every resource by itself.
  const made = (attributes: Attributes) =>
    Object.entries(attributes)
      .filter(([name]) => name !== "externalId")
      .map(([name, type]) => attributeOf(name, type));
  const attributeOf = (name: string, type: AttributeType): InstanceType<typeof Types.Attribute> => {
    if (typeof type !== "string")
      return new Types.Attribute("complex", name, { multiValued: type.several === true }, made(type.of));
    const required = name === "userName" ? { required: true, uniqueness: "server" } : {};
    const secret = name === "password" ? { returned: "never", mutable: "writeOnly" } : {};
    const refers = type === "reference" ? { referenceTypes: ["uri"] } : {};
    return new Types.Attribute(type, name, { ...required, ...secret, ...refers });
  };
  const define = (name: string, id: string, text: string, attributes: Attributes) =>
    new Types.SchemaDefinition(name, id, text, made(attributes));
  const whole = define("User", SCHEMAS.user, "User Account", WHOLE_USER);
  class PatchedUser extends Types.Schema {
    static override get id() {
      return SCHEMAS.user;
    }
    static override get definition() {
      return whole;
    }
    constructor(data: object) {
      super(data, "both");
      Object.assign(this, whole.coerce(data, "both"));
    }
  }
  return {
    described: [
      define("User", SCHEMAS.user, "User Account", USER),
      define("EnterpriseUser", SCHEMAS.enterprise, "Enterprise User", ENTERPRISE),
      define("Group", SCHEMAS.group, "Group", GROUP),
    ],
    PatchedUser,
  };
}
