/** What ends a command: one or two plain sentences with the cure, and the exit code. */
export class Failure extends Error {
  override name = "Failure";
  /** 1: a difference or a failure; 2: wrong usage or configuration. */
  readonly exit: 1 | 2;
  constructor(message: string, exit: 1 | 2 = 1, options?: ErrorOptions) {
    super(message, options);
    this.exit = exit;
  }
}

/** A command that was called wrongly. */
export function misuse(message: string): Failure {
  return new Failure(message, 2);
}

const SYSTEM: { readonly [code: string]: (path: string) => string } = {
  ENOENT: (path) => `${path} does not exist.`,
  EACCES: (path) => `${path} may not be opened: permission denied.`,
  EPERM: (path) => `${path} may not be changed: permission denied.`,
  EROFS: (path) => `${path} lies on a read-only file system.`,
  EISDIR: (path) => `${path} is a folder, and a file was expected.`,
  ENOTDIR: (path) => `${path} is a file, and a folder was expected.`,
  EEXIST: (path) => `${path} exists already.`,
  ENOSPC: () => "The disk is full: make room and try again.",
};

/** Errors whose message says the cause and the cure. */
const OURS = new Set(["StoreError", "Problem", "ConfigError", "ClientError", "TransportError"]);

function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}

/** The failure that an error of any kind stands for, without a stack. */
export function failureOf(error: unknown): Failure {
  if (error instanceof Failure) return error;
  if (!(error instanceof Error)) return new Failure(String(error));
  // Errors of citty: a missing argument, or one that is not of its list.
  if (error.name === "CLIError")
    return new Failure(`${error.message.replace(/\.$/, "")}. See --help.`, 2, { cause: error });
  const { code, path } = error as NodeJS.ErrnoException;
  const system = code === undefined ? undefined : SYSTEM[code];
  if (system !== undefined) return new Failure(system(path ?? "A file"), 1, { cause: error });
  if ((error as { failure?: unknown }).failure === "offline") {
    return new Failure(`${sentence(error.message)} Is the server running, and is this its address?`, 1, {
      cause: error,
    });
  }
  if (OURS.has(error.name))
    return new Failure(sentence(error.message), error.name === "ConfigError" ? 2 : 1, { cause: error });
  const text = error.message.split("\n")[0] ?? "";
  return new Failure(`Something went wrong that Tidemark did not expect: ${text} (TIDEMARK_DEBUG=1 shows where.)`, 1, {
    cause: error,
  });
}
