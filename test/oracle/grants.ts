import type { SeededRandom } from "../../src/testing/random.ts";

const READERS = ["ann", "bob", "cleo"];

/** What the server was told of one reader while it made one answer. */
export interface Judged {
  /** Whether the reader may read a scope, as the server was told, or would have been. */
  readable(scope: string): boolean;
  /** Whether it ever could. */
  ever(scope: string): boolean;
  /** The state of the reader's grants; null: it changed meanwhile. */
  readonly version: number | null;
}

/** Which projects each reader may read: some at first, others at any time. All else may be read by everybody. */
export class Grants {
  private readonly random: SeededRandom;
  private readonly flipped = new Set<string>();
  private readonly versions = new Map<string, number>();
  private readonly ever = new Set<string>();
  private asked = new Map<string, boolean>();

  constructor(random: SeededRandom) {
    this.random = random;
  }

  someone(): string {
    return this.random.pick(READERS);
  }

  may(user: string, scope: string): boolean {
    const answer = this.grants(user, scope);
    this.asked.set(scope, answer);
    if (answer) this.ever.add(`${user} ${scope}`);
    return answer;
  }

  /** Grants a project to somebody, or takes it away. */
  flip(user: string, scope: string): void {
    const name = `${user} ${scope}`;
    if (!this.flipped.delete(name)) this.flipped.add(name);
    this.versions.set(user, this.version(user) + 1);
  }

  version(user: string): number {
    return this.versions.get(user) ?? 0;
  }

  /** Begins an answer; what is returned ends it. */
  judging(user: string): () => Judged {
    const asked = new Map<string, boolean>();
    this.asked = asked;
    const version = this.version(user);
    return () => ({
      readable: (scope) => asked.get(scope) ?? this.grants(user, scope),
      ever: (scope) => this.ever.has(`${user} ${scope}`),
      version: version === this.version(user) ? version : null,
    });
  }

  private grants(user: string, scope: string): boolean {
    if (!scope.startsWith("project/")) return true;
    const sum = [...`${user}${scope}`].reduce((total, letter) => total + letter.charCodeAt(0), 0);
    return (sum % 3 !== 0) !== this.flipped.has(`${user} ${scope}`);
  }
}
