#!/usr/bin/env node
// Copies a template into a new folder, and says what to do next.
import { cpSync, existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { basename, join, relative, resolve } from "node:path";
import { stdin, stdout } from "node:process";
import { createInterface } from "node:readline/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const TEMPLATES = {
  tasks: "a list of tasks in React with Vite, which works offline",
  node: "a server and a client that follows it, without a browser",
};
const HELP = `npm create tidemark [folder] -- [--template ${Object.keys(TEMPLATES).join("|")}]

${Object.entries(TEMPLATES)
  .map(([name, text]) => `  ${name.padEnd(6)} ${text}`)
  .join("\n")}`;

/** What the user has to put right; it is told without a stack. */
class Refusal extends Error {}

try {
  await begin();
} catch (error) {
  // Ctrl+C or Ctrl+D instead of an answer.
  if (error?.code === "ABORT_ERR") process.exit(130);
  if (!(error instanceof Refusal) && !String(error?.code).startsWith("ERR_PARSE_ARGS")) throw error;
  console.error(`${error.message}\n\n${HELP}`);
  process.exitCode = 1;
}

async function begin() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { template: { type: "string", short: "t" }, help: { type: "boolean", short: "h" } },
  });
  if (values.help) return console.log(HELP);
  if (positionals.length > 1)
    throw new Refusal(`one folder is made at a time, and these are ${positionals.join(", ")}`);
  const { folder, template } = await completed({ folder: positionals[0], template: values.template });
  if (!Object.hasOwn(TEMPLATES, template)) throw new Refusal(`there is no template "${template}"`);
  const target = resolve(folder);
  if (existsSync(target) && readdirSync(target).length > 0)
    throw new Refusal(`${target} is not empty; name a folder that is new or empty`);
  copy(template, target);
  const place = relative(process.cwd(), target);
  const steps = [place && `cd ${place.includes(" ") ? JSON.stringify(place) : place}`, "npm install", "npm run dev"];
  console.log(`Made ${target} from the template ${template}. Next:\n`);
  console.log(
    `${steps
      .filter(Boolean)
      .map((step) => `  ${step}\n`)
      .join("")}\nIts README.md says what is where.`,
  );
}

/** What was not said is asked for, where somebody can answer. */
async function completed({ folder, template }) {
  if (folder !== undefined && template !== undefined) return { folder, template };
  if (!stdin.isTTY || !stdout.isTTY) {
    if (folder === undefined) throw new Refusal("name the folder to make");
    throw new Refusal("name a template with --template");
  }
  const terminal = createInterface({ input: stdin, output: stdout });
  try {
    folder ??= (await terminal.question("Folder (my-app): ")).trim() || "my-app";
    if (template === undefined) {
      for (const [name, text] of Object.entries(TEMPLATES)) console.log(`  ${name}: ${text}`);
      template = (await terminal.question("Template (tasks): ")).trim() || "tasks";
    }
    return { folder, template };
  } finally {
    terminal.close();
  }
}

function copy(template, target) {
  cpSync(fileURLToPath(new URL(`templates/${template}`, import.meta.url)), target, { recursive: true });
  // npm leaves a file of the true name out of what it packs.
  renameSync(join(target, "_gitignore"), join(target, ".gitignore"));
  const { version } = JSON.parse(readFileSync(new URL("package.json", import.meta.url), "utf8"));
  const file = join(target, "package.json");
  const manifest = JSON.parse(readFileSync(file, "utf8"));
  manifest.name = nameOf(target);
  manifest.dependencies.tidemark = version;
  writeFileSync(file, `${JSON.stringify(manifest, null, 2)}\n`);
}

/** A folder's name as one that npm takes. */
function nameOf(target) {
  const name = basename(target)
    .toLowerCase()
    .replace(/[^a-z0-9-]+/g, "-")
    .replace(/^-+|-+$/g, "");
  return name || "my-app";
}
