import { type TestContext, test } from "vitest";

type Body = (context: TestContext) => unknown;
type Declare = (title: string, body: Body, timeout?: number) => void;

/**
 * Declares a test that runs only where `condition` holds:
 *
 *     skipUnless(isRoot, "needs root")("[R5] a full disk …", async () => { … });
 *
 * The reason must stand in test/skips.json; a test that is skipped for any other reason counts as failed.
 */
export function skipUnless(condition: unknown, reason: string): Declare {
  return (title, body, timeout) => {
    if (condition) test(title, body, timeout);
    else test(title, (context) => context.skip(reason));
  };
}
