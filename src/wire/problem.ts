/** The closed list of error codes (H1), each with its HTTP status. */
export const PROBLEMS = {
  invalid: 400,
  unauthenticated: 401,
  forbidden: 403,
  "unknown-space": 404,
  "not-found": 404,
  rewound: 409,
  gap: 409,
  diverged: 409,
  "too-large": 413,
  "upgrade-required": 426,
  "rate-limited": 429,
  unavailable: 503,
} as const;

export type ProblemCode = keyof typeof PROBLEMS;

/** RFC 9457 problem details. `detail` names the cause and the cure. */
export interface ProblemBody {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: ProblemCode;
  readonly detail: string;
  /** Where in the request, for `invalid`. */
  readonly path?: string;
  /** For `rewound`, `gap` and `diverged` on a push: the client's last settled mutation, and the first id in question. */
  readonly lastMutation?: number;
  readonly id?: number;
  /** Seconds, as in the Retry-After header. */
  readonly retryAfter?: number;
}

type Extras = Partial<Pick<ProblemBody, "path" | "lastMutation" | "id" | "retryAfter">>;

/** Thrown wherever a request cannot be answered; the handler turns it into problem+json. */
export class Problem extends Error {
  override name = "Problem";
  readonly code: ProblemCode;
  readonly extras: Extras;
  constructor(code: ProblemCode, detail: string, extras: Extras = {}) {
    super(detail);
    this.code = code;
    this.extras = extras;
  }

  body(): ProblemBody {
    const status = PROBLEMS[this.code];
    return {
      type: `urn:tidemark:problem:${this.code}`,
      title: this.code,
      status,
      code: this.code,
      detail: this.message,
      ...this.extras,
    };
  }
}
