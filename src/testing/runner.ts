interface Matchers {
  toBe(value: unknown): void;
  toEqual(value: unknown): void;
}
export type Expect = (value: unknown, message?: string) => Matchers;

/** The part of a test runner that the suites use; vitest's and jest's own fit. */
export interface Runner {
  describe(name: string, body: () => void): void;
  it(title: string, body: () => Promise<void>): void;
  readonly expect: Expect;
}
