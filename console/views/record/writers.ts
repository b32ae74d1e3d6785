import type { Version } from "../../api.ts";

export interface Writer {
  readonly atom: string;
  readonly value: unknown;
  readonly version: Version;
}

/** For each atom of the record as it is now, the version that last wrote it; `versions` has the newest first. */
export function lastWriters(versions: readonly Version[]): readonly Writer[] {
  const now = versions[0]?.record;
  if (now === null || now === undefined) return [];
  return Object.entries(now).flatMap(([atom, value]) => {
    if (atom === "id") return [];
    const version = versions.find(({ after }) => after !== null && Object.hasOwn(after, atom));
    return version === undefined ? [] : [{ atom, value, version }];
  });
}
