import { relative } from "node:path";
import { TOKENS } from "../systems/systems.ts";

/** What to try next: every line of it works when it is pasted into another terminal, in the folder of `npm run customers`. */
export function nextSteps(url: string, systems: string, folder: string): string {
  const data = relative(process.cwd(), folder) || ".";
  const usual = url.endsWith(":4850") && data === "examples/customers/data";
  const env = usual ? "" : `CUSTOMERS_URL=${url} CUSTOMERS_DATA=${data} `;
  const config = "--config examples/customers/tidemark.config.ts";
  return `
Customers of a CRM, a survey tool and an analytics tool, which all make mistakes. Open ${url}, and try, in a second terminal:

  what came in, and what could not
    npx tidemark ingest status --server ${url}
    npx tidemark quarantine list --server ${url}

  who may be the same person, and where a value came from
    npx tidemark duplicates list customers --server ${url}
    npx tidemark ingest origin customers/c-101 --server ${url}

  change a contact in the CRM: the page shows it after the next run, within a minute
    curl -s -X PATCH ${systems}/crm/crm/v3/objects/contacts/101 -H 'authorization: Bearer ${TOKENS.crm}' -d '{"properties":{"city":"Bremen"}}'

  ask the warehouse, in which nobody can be recognised
    ${env}npx tidemark warehouse query reports "$(cat examples/customers/reports/satisfaction.sql)" ${config}

  how many were matched rightly, as only this example can know
    ${env}npx node examples/customers/truth.ts

  kill it and start it again: nothing is lost, and nothing is there twice
    kill -9 ${process.pid}
`;
}
