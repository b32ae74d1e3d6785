import { PAGE, type ScimCall } from "./call.ts";
import { answer, notThere, SCHEMAS } from "./protocol.ts";
import { definitionsOf } from "./schemas.ts";

const CORE = "urn:ietf:params:scim:schemas:core:2.0";

export function serviceProviderConfig({ base }: ScimCall): Response {
  return answer(200, {
    schemas: [`${CORE}:ServiceProviderConfig`],
    patch: { supported: true },
    bulk: { supported: false, maxOperations: 0, maxPayloadSize: 0 },
    filter: { supported: true, maxResults: PAGE.most },
    changePassword: { supported: true },
    sort: { supported: false },
    etag: { supported: true },
    authenticationSchemes: [
      {
        type: "oauthbearertoken",
        name: "Bearer token",
        description: "A token made by `tidemark users scim-token`, or an access token of who may write users",
        primary: true,
      },
    ],
    meta: { resourceType: "ServiceProviderConfig", location: `${base}/ServiceProviderConfig` },
  });
}

export function resourceTypes(call: ScimCall): Response {
  return listed(call, typesOf(call));
}

export function schemas(call: ScimCall): Response {
  return listed(call, schemasOf(call));
}

function typesOf({ base }: ScimCall): Described[] {
  const type = (name: string, schema: string, schemaExtensions: readonly object[] = []) => ({
    schemas: [`${CORE}:ResourceType`],
    id: name,
    name,
    endpoint: `/${name}s`,
    schema,
    schemaExtensions,
    meta: { resourceType: "ResourceType", location: `${base}/ResourceTypes/${name}` },
  });
  return [type("User", SCHEMAS.user, [{ schema: SCHEMAS.enterprise, required: false }]), type("Group", SCHEMAS.group)];
}

function schemasOf({ scimmy, base }: ScimCall): Described[] {
  return definitionsOf(scimmy).described.map((definition) => definition.describe(`${base}/Schemas`) as Described);
}

interface Described {
  readonly id: string;
}

/** All, or the one that the address names. */
function listed({ call }: ScimCall, all: readonly Described[]): Response {
  const id = call.param("id");
  const one = all.find((each) => each.id === id);
  if (one !== undefined) return answer(200, one);
  if (id !== "") throw notThere(id);
  return answer(200, {
    schemas: ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
    totalResults: all.length,
    startIndex: 1,
    itemsPerPage: all.length,
    Resources: all,
  });
}
