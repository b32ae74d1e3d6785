import { z } from "zod";
import type { Mutation, Write } from "../../model/mutation.ts";
import { idFlaw, nameFlaw, valueFlaw } from "../../model/names.ts";
import type { PushRequest } from "../../model/push.ts";
import type { RecordData } from "../../model/record.ts";
import { isObject, type JsonObject } from "../../util/json.ts";
import type { Limits } from "../../wire/limits.ts";
import { checkCount, cursor, id, name, parsed, revision, schemaVersion } from "./parts.ts";

type PushLimits = Pick<Limits, "mutations" | "writes" | "depth">;

/** A push that is well formed (W7), without the fields that this version does not know (H10). */
export function pushRequest(body: unknown, limits: PushLimits): PushRequest {
  if (isObject(body)) {
    checkCount(body.mutations, limits.mutations, "mutations", "mutations of a push");
    for (const [i, mutation] of (Array.isArray(body.mutations) ? body.mutations : []).entries()) {
      if (isObject(mutation))
        checkCount(mutation.writes, limits.writes, `mutations[${i}].writes`, "writes of a mutation");
    }
  }
  return parsed(schemaOf(limits.depth), body);
}

const schemas = new Map<number, z.ZodType<PushRequest>>();

/** A user or a client of another server; the server itself has an empty name. */
const party = z.union([z.literal(""), id]);
const origin = z.object({
  server: id.optional(),
  revision,
  user: party,
  client: party,
  mutation: z.int().positive().optional(),
});

/** As it is described: whatever its depth. */
export const pushBody = schemaOf(Number.POSITIVE_INFINITY);

function schemaOf(depth: number): z.ZodType<PushRequest> {
  const known = schemas.get(depth);
  if (known !== undefined) return known;
  const made = build(depth);
  schemas.set(depth, made);
  return made;
}

function build(depth: number): z.ZodType<PushRequest> {
  const atoms = z.custom<JsonObject>().superRefine((value, context) => {
    checkAtoms(value, depth, context);
  });
  const record = z.custom<RecordData>().superRefine((value, context) => {
    if (!checkAtoms(value, depth, context)) return;
    const flaw = idFlaw(value.id);
    if (flaw !== null) context.addIssue({ code: "custom", message: flaw, path: ["id"] });
  });
  const conditions = { base: revision.optional(), expect: atoms.optional(), from: atoms.optional(), collection: name };
  const write: z.ZodType<Write> = z.discriminatedUnion(
    "op",
    [
      z.object({ op: z.literal("insert"), record, ...conditions }),
      z.object({ op: z.literal("update"), record, ...conditions }),
      z.object({ op: z.literal("delete"), id, ...conditions }),
    ],
    { error: 'the op of a write is "insert", "update" or "delete"' },
  );
  const mutation: z.ZodType<Mutation> = z.object({
    id: z.int().positive(),
    base: revision,
    at: z.string().max(64).optional(),
    whole: z.boolean().optional(),
    lost: revision.optional(),
    origin: origin.optional(),
    writes: z.array(write),
  });
  return z.object({
    client: id,
    acked: z.int().nonnegative().optional(),
    mutations: z.array(mutation),
    was: z.object({ client: id, through: z.int().nonnegative() }).optional(),
    cursor: cursor.optional(),
    schema: schemaVersion,
  });
}

/** Names and values of a record's atoms (M7); `id` is looked at elsewhere. */
function checkAtoms(value: unknown, depth: number, context: z.core.$RefinementCtx): value is JsonObject {
  if (!isObject(value)) {
    context.addIssue({ code: "custom", message: "expected an object of atoms" });
    return false;
  }
  for (const atom of Object.keys(value)) {
    const reason = nameFlaw(atom) ?? valueReason(value[atom], depth);
    if (reason === null) continue;
    context.addIssue({ code: "custom", message: reason, path: [atom.slice(0, 64)] });
    return false;
  }
  return true;
}

function valueReason(value: unknown, depth: number): string | null {
  const flaw = valueFlaw(value, { depth });
  if (flaw === null) return null;
  return flaw.path === "" ? flaw.reason : `${flaw.reason} (at ${flaw.path.slice(0, 200)})`;
}
