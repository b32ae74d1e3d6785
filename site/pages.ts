/** A page of the site: a file of `docs/`, without its suffix, and its name in the sidebar. */
export interface Page {
  readonly page: string;
  readonly title: string;
}

export interface Part {
  readonly part: string;
  readonly pages: readonly Page[];
}

/**
 * The sidebar, and the order of `llms.txt`. A page that is not there is left out; one that is there and not here fails
 * `test/docs/site.test.ts`.
 */
export const PARTS: readonly Part[] = [
  {
    part: "Begin",
    pages: [
      { page: "start", title: "Five-minute start" },
      { page: "concepts", title: "Concepts in pictures" },
      { page: "pattern", title: "Patterns of synchronisation" },
      { page: "comparison", title: "Beside other systems" },
    ],
  },
  {
    part: "Build an application",
    pages: [
      { page: "react", title: "React and TanStack DB" },
      { page: "node", title: "Node" },
      { page: "browser", title: "In a browser" },
      { page: "offline", title: "Offline" },
      { page: "permissions", title: "Permissions" },
      { page: "users", title: "Accounts" },
    ],
  },
  {
    part: "Bring data in and out",
    pages: [
      { page: "adopt", title: "An existing PostgreSQL" },
      { page: "crm", title: "From the CRM to the warehouse" },
      { page: "ingest", title: "What comes in" },
      { page: "sources", title: "Sources" },
      { page: "duplicates", title: "Duplicates" },
      { page: "warehouse", title: "A warehouse" },
      { page: "links", title: "Two servers, and more" },
    ],
  },
  {
    part: "Operate",
    pages: [
      { page: "runbook", title: "Runbook" },
      { page: "console", title: "Console" },
      { page: "scaling", title: "PostgreSQL, several servers" },
      { page: "erase", title: "Erasing a person" },
      { page: "performance", title: "Performance" },
    ],
  },
  {
    part: "Look up",
    pages: [
      { page: "architecture", title: "Architecture" },
      { page: "protocol", title: "Protocol" },
      { page: "conformance", title: "Another language" },
      { page: "spec", title: "Specification" },
    ],
  },
];
