import { readFileSync } from "node:fs";
import { defineCommand, runMain } from "citty";

const { version, description } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));

await runMain(defineCommand({ meta: { name: "tidemark", version, description } }));
