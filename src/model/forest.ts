/**
 * Why a space may not follow the one whose path this is, itself and then those above it: it would follow itself, and with
 * "upstream wins" a ring never comes to rest (S3). Null: it may.
 */
export function ringIn(path: readonly string[], identity: string): string | null {
  if (path[0] === identity)
    return `what this link would follow is this server itself: a space does not follow itself (${identity})`;
  if (!path.includes(identity)) return null;
  const ring = [...path.slice(0, path.indexOf(identity) + 1), path[0]].join(" follows ");
  return `this link would close a ring: ${identity} would follow ${path[0]}, and ${ring}`;
}
