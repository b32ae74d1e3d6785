const WORDS =
  "sync client server journal revision patch merge offline write read index cursor snapshot delta batch commit socket stream query filter".split(
    " ",
  );

/** A small generator (xorshift32), so that every run has the same records. */
function generator(seed: number): () => number {
  let state = seed >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state >>>= 0;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state / 2 ** 32;
  };
}

/** Record number i in its v-th version: 7 fields, about 200 bytes of JSON. */
export function record(i: number, v = 0) {
  const next = generator(i * 7919 + v * 104729 + 17);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(next() * list.length)] as T;
  let body = "";
  while (body.length < 60) body += `${pick(WORDS)} `;
  return {
    id: `task-${String(i).padStart(7, "0")}`,
    title: `Task ${i} ${pick(WORDS)}`,
    status: pick(["open", "doing", "done"]),
    priority: Math.floor(next() * 5),
    assignee: `user${Math.floor(next() * 100)}`,
    body: body.slice(0, 60),
    updated: 1_700_000_000_000 + i * 1000 + v,
  };
}
