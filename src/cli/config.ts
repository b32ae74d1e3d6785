import { existsSync } from "node:fs";
import { registerHooks } from "node:module";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { type Config, settingsOf } from "../server/config.ts";
import type { Environment } from "./command.ts";
import { Failure, misuse } from "./failure.ts";

/** Looked for in this order, in the folder where the command runs. */
const NAMES = ["tidemark.config.ts", "tidemark.config.mts", "tidemark.config.js", "tidemark.config.mjs"];

export interface Loaded {
  readonly config: Config;
  /** Of the file that was read; null where there is none, and everything is as by default. */
  readonly path: string | null;
}

/**
 * The configuration in `path`, by default `tidemark.config.ts` here, with what the environment lays over it. It is
 * checked before anything starts; a mistake is a Failure with the path of each key.
 */
export async function loadConfig(path: string | undefined, env: Environment): Promise<Loaded> {
  const found = path ?? NAMES.find((name) => existsSync(name));
  if (found === undefined) return { config: checked(null, withEnvironment({}, env)), path: null };
  if (!existsSync(found)) throw misuse(`There is no configuration ${found}. \`tidemark init\` writes one.`);
  const config = (await imported(found)) as Config;
  // What is no object goes on as it is: the check says what was expected.
  const merged = typeof config === "object" && config !== null ? withEnvironment(config, env) : config;
  return { config: checked(found, merged), path: found };
}

function withEnvironment(config: Config, env: Environment): Config {
  const { TIDEMARK_JWT_SECRET: jwtSecret, TIDEMARK_JWKS_URL: jwks } = env;
  if (!jwtSecret && !jwks) return config;
  return { ...config, auth: { ...config.auth, ...(jwtSecret ? { jwtSecret } : {}), ...(jwks ? { jwks } : {}) } };
}

function checked(path: string | null, config: Config): Config {
  try {
    settingsOf(config);
    return config;
  } catch (error) {
    throw explained(path ?? "The environment", error);
  }
}

async function imported(path: string): Promise<unknown> {
  const hooks = registerHooks({ resolve: resolveOwn });
  try {
    const module = (await import(pathToFileURL(resolve(path)).href)) as { default?: unknown };
    if ("default" in module) return module.default;
  } catch (error) {
    throw explained(path, error);
  } finally {
    hooks.deregister();
  }
  throw misuse(`${path} has no default export: write \`export default defineConfig({ … })\`.`);
}

/** What the configuration that `init` writes imports is found also where it is not installed beside it. */
const OWN = /^(tidemark(\/.*)?|zod)$/;

const resolveOwn: NonNullable<Parameters<typeof registerHooks>[0]["resolve"]> = (specifier, context, next) => {
  try {
    return next(specifier, context);
  } catch (error) {
    if (!OWN.test(specifier)) throw error;
    return next(specifier, { ...context, parentURL: import.meta.url });
  }
};

function explained(path: string, error: unknown): Failure {
  const cause = { cause: error };
  const { mistakes, message, code } = error as Error & { mistakes?: readonly string[]; code?: string };
  if (mistakes !== undefined)
    return new Failure(`${path} is wrong:\n${mistakes.map((each) => `  ${each}`).join("\n")}`, 2, cause);
  const first = String(message).split("\n")[0];
  if (code === "ERR_MODULE_NOT_FOUND")
    return new Failure(`${path} imports something that is not there: ${first}.`, 2, cause);
  return new Failure(`${path} cannot be loaded: ${first}`, 2, cause);
}
