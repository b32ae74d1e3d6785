import { conformance } from "../../conformance/run.ts";
import { systemRandom } from "../../util/random.ts";
import { command, SPACE_ARGS } from "../command.ts";
import { Failure } from "../failure.ts";
import { remoteSpace } from "../where.ts";

const MARKS = { passed: "✓", failed: "✗", skipped: "–" };

export default command({
  name: "conformance",
  description: "Holds a server, of whatever language, to the protocol",
  args: {
    url: { type: "positional", required: true, description: "the server's address" },
    ...SPACE_ARGS,
    space: { ...SPACE_ARGS.space, description: "a space that nobody else writes to", default: "conformance" },
  },
  async run({ args, env, out }) {
    const { url, name, token, place } = remoteSpace(args.url, args, env);
    const subject = {
      url,
      space: name,
      token,
      fetch: (...sent: Parameters<typeof fetch>) => fetch(...sent),
      random: systemRandom,
    };
    const counts = { passed: 0, failed: 0, skipped: 0 };
    try {
      for await (const { id, title, result, detail } of conformance(subject)) {
        counts[result]++;
        const mark = out.colors[result === "passed" ? "green" : result === "failed" ? "red" : "dim"](MARKS[result]);
        out.print(`${mark} ${id.padEnd(3)} ${title}${detail === null ? "" : `\n      ${detail}`}`);
        out.data({ id, title, result, detail });
      }
    } catch (error) {
      throw new Failure(`${place} does not answer: ${error instanceof Error ? error.message : error}.`);
    }
    out.print(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
    return counts.failed === 0 ? 0 : 1;
  },
});
