import type { Verdict } from "../../conformance/run.ts";
import { systemRandom } from "../../util/random.ts";
import { command, type Environment, SPACE_ARGS } from "../command.ts";
import { Failure, misuse } from "../failure.ts";
import type { Output } from "../output.ts";
import { remoteSpace } from "../where.ts";

const MARKS = { passed: "✓", failed: "✗", skipped: "–" };
const COLORS = { passed: "green", failed: "red", skipped: "dim" } as const;

export default command({
  name: "conformance",
  description: "Holds a server, or a client, of whatever language, to the protocol",
  args: {
    url: { type: "positional", required: false, description: "the address of the server" },
    client: {
      type: "string",
      description: "instead: the command of a client (docs/conformance.md)",
      valueHint: "COMMAND",
    },
    ...SPACE_ARGS,
    space: { ...SPACE_ARGS.space, description: "a space that nobody else writes to", default: "conformance" },
  },
  async run({ args: { url, client, space, token }, env, out }) {
    if ((url === undefined) === (client === undefined))
      throw misuse("Give the address of a server, or --client COMMAND.");
    const verdicts =
      client === undefined ? await ofServer(url as string, { space, token }, env) : await ofClient(client);
    return tell(verdicts, out);
  },
});

async function ofServer(address: string, asked: { space: string; token: string | undefined }, env: Environment) {
  const { conformance } = await import("../../conformance/run.ts");
  const { url, name, token, place } = remoteSpace(address, asked, env);
  const subject = { url, space: name, token, fetch: globalThis.fetch, random: systemRandom };
  return answering(conformance(subject), place);
}

async function ofClient(line: string) {
  const { clientConformance } = await import("../../conformance/client/run.ts");
  return clientConformance(line);
}

async function* answering(verdicts: AsyncGenerator<Verdict>, place: string): AsyncGenerator<Verdict> {
  try {
    yield* verdicts;
  } catch (error) {
    throw new Failure(`${place} does not answer: ${error instanceof Error ? error.message : error}.`);
  }
}

async function tell(verdicts: AsyncIterable<Verdict>, out: Output): Promise<number> {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for await (const { id, title, result, detail } of verdicts) {
    counts[result]++;
    out.print(
      `${out.colors[COLORS[result]](MARKS[result])} ${id.padEnd(3)} ${title}${detail === null ? "" : `\n      ${detail}`}`,
    );
    out.data({ id, title, result, detail });
  }
  out.print(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
  return counts.failed === 0 ? 0 : 1;
}
