// What is on the board at the first start.
import type { Comment, Priority, Status, Task } from "../collections.ts";
import { TEAM } from "../team.ts";

type Write =
  | { readonly op: "insert"; readonly collection: string; readonly record: object }
  | { readonly op: "update"; readonly collection: string; readonly record: object };

/** One mutation of a person. */
export interface Step {
  readonly by: string;
  readonly writes: readonly Write[];
}

const PROJECTS = [
  { id: "website", name: "Website relaunch", order: 1 },
  { id: "app", name: "Mobile app", order: 2 },
  { id: "office", name: "Office move", order: 3 },
];

/** Title, status, priority, assignee, due in days from today, description. */
type Line = readonly [string, Status, Priority, (string | null)?, (number | null)?, string?];

const TASKS: { readonly [project: string]: readonly Line[] } = {
  website: [
    [
      "Draft the page for pricing",
      "todo",
      "normal",
      "ben",
      9,
      "Three plans, and what is in each. The table has to work on a phone.",
    ],
    ["Collect customer quotes", "todo", "low", null, 20],
    [
      "Redirects from the old addresses",
      "todo",
      "high",
      "david",
      4,
      "Every address that search engines know must lead somewhere. The list is in the audit.",
    ],
    ["Choose photos for the team page", "todo", "low", "guest"],
    ["Translate the home page into German", "todo", "normal", null, 15],
    ["Cookie notice that is not in the way", "todo", "normal", "ann"],
    [
      "New home page",
      "doing",
      "high",
      "ann",
      3,
      "Headline, one picture, three reasons, one button. Everything else can wait.",
    ],
    [
      "Contact form sends twice",
      "doing",
      "high",
      "ben",
      1,
      "Two quick clicks make two messages. Disable the button while it is sending.",
    ],
    ["Measure loading time on slow phones", "doing", "normal", "david"],
    ["Footer with the legal links", "review", "normal", "ben", 2],
    ["Press kit: logos and colours", "review", "low", "guest", 6],
    ["Pick a hosting region", "done", "normal", "david"],
    ["Interview five customers", "done", "high", "ann"],
    ["Sitemap", "done", "low", "ben"],
  ],
  app: [
    ["Sign in with a passkey", "todo", "high", "chloe", 12],
    ["Widget for today's tasks", "todo", "low"],
    ["Share a task by link", "todo", "normal", "ben", 18],
    ["Dark mode for the calendar", "todo", "normal", null],
    [
      "Spoken hints for the drag handle",
      "todo",
      "high",
      "david",
      5,
      "Screen readers say only “button”. Say where the task is, and what the arrow keys do.",
    ],
    [
      "Sync over a train's wireless",
      "doing",
      "high",
      "chloe",
      2,
      "Connections that open and carry nothing. Nothing may be lost, and nobody should have to know.",
    ],
    ["Crash when a photo is turned", "doing", "high", "david", 0],
    ["Smaller download", "doing", "normal", "ben", 8],
    ["Undo after a swipe", "review", "normal", "chloe", 1],
    ["Numbers in the reader's own format", "review", "low", "ann"],
    ["Beta for fifty people", "done", "high", "ann"],
    ["Icons at every size", "done", "low", "chloe"],
    ["Ask for notifications later, not at the start", "done", "normal", "david"],
  ],
  office: [
    ["Measure the new rooms", "todo", "high", "david", 6],
    ["Who sits where", "todo", "normal", null, 25, "Quiet people away from the kitchen."],
    ["Sell the old desks", "todo", "low", "chloe"],
    ["Book the movers", "todo", "high", "ann", 10],
    ["New address on every letter", "todo", "normal", "chloe", 21],
    ["Order the internet line", "doing", "high", "david", -1, "Six weeks' notice, they say."],
    ["Plants that survive us", "doing", "low", "chloe"],
    ["Keys and alarm", "review", "normal", "ann", 13],
    ["Coffee machine: buy or rent", "review", "normal", "chloe", 7],
    ["Sign the lease", "done", "high", "ann"],
    ["Tell the landlord", "done", "normal", "ann"],
    ["List of what we own", "done", "low", "david"],
  ],
};

const DAY = 86_400_000;

/** All steps, always in the same order. `today` is a time of the first start, in milliseconds since 1970. */
export function steps(today: number): Step[] {
  const people = TEAM.map(({ id, name, hue }) => insert("people", { id, name, hue }));
  const projects = PROJECTS.map((project) => insert("projects", project));
  return [
    { by: "ann", writes: [...people, ...projects] },
    ...PROJECTS.map(({ id }) => ({ by: "ann", writes: tasksOf(id, today).map((task) => insert("tasks", task)) })),
    ...CHANGES.map(([by, id, atoms]) => ({ by, writes: [update("tasks", { id, ...atoms })] })),
    ...COMMENTS.map(([by, id, minutes, text], i) => ({
      by,
      writes: [
        insert("comments", {
          id: `sample-${i + 1}`,
          taskId: id,
          author: by,
          at: today - minutes * 60_000,
          text,
        } satisfies Comment),
      ],
    })),
  ];
}

function tasksOf(projectId: string, today: number): Task[] {
  return (TASKS[projectId] ?? []).map(([title, status, priority, assignee, due, description], i) => ({
    id: `${projectId}-${i + 1}`,
    projectId,
    title,
    status,
    priority,
    order: (i + 1) * 1_000,
    ...(assignee && { assignee }),
    ...(due !== undefined && due !== null && { due: new Date(today + due * DAY).toISOString().slice(0, 10) }),
    ...(description && { description }),
  }));
}

const CHANGES: readonly (readonly [by: string, task: string, atoms: Partial<Task>])[] = [
  ["ben", "website-8", { title: "The contact form sends everything twice" }],
  [
    "david",
    "website-8",
    { priority: "high", description: "Two quick clicks make two messages. Seen with Ben's phone and with mine." },
  ],
  ["ben", "website-8", { description: "Two quick clicks make two messages. Disable the button while it is sending." }],
  ["ann", "website-8", { title: "Contact form sends twice" }],
  ["ben", "website-10", { status: "doing" }],
  ["ben", "website-10", { status: "review" }],
  ["david", "website-3", { assignee: "ben" }],
  ["ben", "website-3", { assignee: "david" }],
  ["chloe", "app-6", { title: "Sync over a train's Wi-Fi" }],
  ["david", "app-6", { title: "Sync over a train's wireless" }],
  ["chloe", "office-6", { assignee: "chloe" }],
  ["david", "office-6", { assignee: "david" }],
];

const COMMENTS: readonly (readonly [by: string, task: string, minutesAgo: number, text: string])[] = [
  ["ben", "website-8", 1_560, "It is not the form: the page sends, and the script sends again."],
  ["david", "website-8", 1_490, "Then the form should go without the script. Works here."],
  ["ben", "website-8", 95, "Button is disabled now while it is sending. Somebody please try on a slow line."],
  ["ann", "website-7", 300, "Headline: “Your work, wherever you are.” Better ideas are welcome."],
  ["guest", "website-7", 240, "I like it. Could the picture be of a real office?"],
  ["ann", "website-11", 2_900, "Only vector files, please."],
  ["chloe", "app-6", 700, "Reproduced between two tunnels. It says offline, with the reason, and goes on by itself."],
  ["david", "app-6", 610, "And the three changes I had made were still there."],
  ["ben", "app-8", 180, "Half of it is one font that nobody uses."],
  ["chloe", "office-7", 4_000, "Cactus."],
  ["ann", "office-6", 120, "They moved the date again. I have asked for it in writing."],
];

function insert(collection: string, record: object): Write {
  return { op: "insert", collection, record };
}

function update(collection: string, record: object): Write {
  return { op: "update", collection, record };
}
