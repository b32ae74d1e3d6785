import { relative } from "node:path";
import { BERLIN } from "./cities.ts";

/** What to try next: every line of it works when it is pasted into another terminal, in the folder of `npm start`. */
export function nextSteps(url: string, dataFolder: string): string {
  const data = relative(process.cwd(), dataFolder) || ".";
  const space = "--space cities";
  const start = `npm start${extra(url, data)}`;
  return `
The cities of the world (GeoNames, CC-BY 4.0), 171,075 records. Try, in a second and a third terminal:

  follow one country, into a replica of your own
    npx tidemark follow ${url} ${space} --scope country/DE --store germany.db

  edit a city, and see only that atom arrive there
    npx tidemark edit ${url} cities ${BERLIN} population=3755251 ${space}
    npx tidemark history ${url} cities ${BERLIN} ${space}

  kill the server and start it again: the follower goes on by itself
    kill -9 ${process.pid}
    ${start}

  take a backup, edit on, and put the backup back: the follower notices, and recovers
    npx tidemark backup ${data} cities.backup.db
    npx tidemark edit ${url} cities ${BERLIN} population=4000000 ${space}
    (end the server with Ctrl-C)
    npx tidemark restore cities.backup.db ${data} --policy heal --overwrite
    ${start}

  is the replica what the server holds (end the follower with Ctrl-C first), and is the journal whole?
    npx tidemark verify ${url} ${space} --store germany.db
    npx tidemark audit ${url} ${space}
`;
}

function extra(url: string, data: string): string {
  const port = new URL(url).port;
  const options = [port === "4848" ? "" : `--port ${port}`, data === "examples/cities/data" ? "" : `--data ${data}`];
  const given = options.filter(Boolean).join(" ");
  return given === "" ? "" : ` -- ${given}`;
}
