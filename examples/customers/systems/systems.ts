// The three systems as they answer over HTTP, and what goes on in them while one looks.
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { failing, hubspotStub, matomoStub, seededRandom, typeformStub } from "tidemark/testing";
import { type Answered, answerOf, type Person, type World, worldOf } from "./people.ts";

export const TOKENS = { crm: "crm-token", survey: "survey-token", web: "web-token" };
export const FORM = "satisfaction";

/** How long ago a late answer was given, milliseconds: Typeform shows the newest with a delay. */
const LATE = 20 * 60_000;

export interface SystemsOptions {
  /** Folder where they keep what they would lose by being ended. */
  readonly folder: string;
  readonly seed: string;
  /** Milliseconds between two things that happen by themselves; 0: nothing does. */
  readonly pause: number;
  /** How many of its first answers the survey tool cannot give. */
  readonly down: number;
  readonly now: () => number;
}

interface Edit {
  readonly id: string;
  readonly at: number;
  readonly properties: { readonly [name: string]: string | null };
}

/** A CRM (as HubSpot), a survey tool (as Typeform) and an analytics tool (as Matomo), each below a path of its own. */
export class Systems {
  readonly world: World;
  readonly #options: SystemsOptions;
  readonly #began: number;
  readonly #edits: string;
  readonly #crm;
  readonly #survey = typeformStub({ token: TOKENS.survey });
  readonly #web = matomoStub({ token: TOKENS.web });
  /** How many things have happened since the beginning. */
  #happened = 0;

  constructor(options: SystemsOptions) {
    const { folder, seed, down, now } = options;
    this.#options = options;
    this.#crm = hubspotStub({ token: TOKENS.crm, now });
    mkdirSync(folder, { recursive: true });
    const start = join(folder, "began.json");
    const isNew = !existsSync(start);
    if (isNew) writeFileSync(start, JSON.stringify({ seed, began: now() }));
    const kept = JSON.parse(readFileSync(start, "utf8")) as { seed: string; began: number };
    this.#began = kept.began;
    this.#edits = join(folder, "edits.ndjson");
    this.world = worldOf(kept.seed, kept.began);
    this.#fill();
    if (isNew) this.#survey.trouble = (n) => (n <= down ? failing(500) : undefined);
  }

  readonly handler = async (request: Request): Promise<Response> => {
    this.#live();
    const url = new URL(request.url);
    const [, system = "", ...rest] = url.pathname.split("/");
    const inner = new Request(new URL(`/${rest.join("/")}${url.search}`, url), request);
    if (system === "crm") return request.method === "PATCH" ? this.#patch(inner) : this.#crm.handler(inner);
    if (system === "survey") return this.#survey.handler(inner);
    return system === "web"
      ? this.#web.handler(inner)
      : new Response("there are /crm, /survey and /web", { status: 404 });
  };

  #fill(): void {
    const { contacts, answers, visits } = this.world;
    for (const { id, properties, at } of contacts) this.#crm.put(id, { ...properties }, at);
    this.#survey.forms.set(FORM, answers.map(responseOf));
    for (const { id, at, actions, user } of visits)
      this.#web.visits.set(id, { id, lastAction: at / 1000, actions, user });
    const edits = existsSync(this.#edits) ? readFileSync(this.#edits, "utf8").trim().split("\n") : [];
    for (const line of edits.filter(Boolean)) {
      const { id, properties, at } = JSON.parse(line) as Edit;
      this.#crm.put(id, { ...properties }, at);
    }
  }

  /** `PATCH /crm/v3/objects/contacts/{id}` with `{"properties":{…}}`, as HubSpot has it. */
  async #patch(request: Request): Promise<Response> {
    const id = /^\/crm\/v3\/objects\/contacts\/(\d+)$/.exec(new URL(request.url).pathname)?.[1] ?? "";
    if (request.headers.get("authorization") !== `Bearer ${TOKENS.crm}`) return Response.json({}, { status: 401 });
    if (!this.#crm.records.has(id)) return Response.json({ category: "OBJECT_NOT_FOUND" }, { status: 404 });
    const { properties } = (await request.json()) as Pick<Edit, "properties">;
    const edit: Edit = { id, at: this.#options.now(), properties };
    appendFileSync(this.#edits, `${JSON.stringify(edit)}\n`);
    this.#crm.put(id, { ...properties }, edit.at);
    return Response.json({ id, properties, updatedAt: new Date(edit.at).toISOString() });
  }

  /** Makes happen what was to happen until now: the same things at the same times, also after a new start. */
  #live(): void {
    const { pause, now } = this.#options;
    if (pause === 0) return;
    for (; this.#began + (this.#happened + 1) * pause <= now(); this.#happened++) {
      const at = this.#began + (this.#happened + 1) * pause;
      const random = seededRandom(`event ${this.#happened}`);
      const person = random.pick(this.world.people);
      const what = random.below(4);
      if (what === 0) this.#visit(person, at, random.between(1, 12));
      else if (what === 1) this.#moves(person, at);
      else this.#answers(person, what === 2 ? at : at - LATE);
    }
  }

  #visit({ number, email }: Person, at: number, actions: number): void {
    const id = 10_000 + this.#happened;
    this.#web.visits.set(id, { id, lastAction: Math.floor(at / 1000), actions, user: number % 2 ? email : null });
  }

  #moves({ number }: Person, at: number): void {
    const contact = this.world.contacts.find(({ person }) => person === number);
    if (contact !== undefined) this.#crm.put(contact.id, { city: number % 2 ? "Berlin" : "Hamburg" }, at);
  }

  #answers(person: Person, at: number): void {
    const answers = answerOf(person, seededRandom(`answer ${this.#happened}`));
    this.#survey.forms.get(FORM)?.push(responseOf({ id: `n${this.#happened}`, person: person.number, at, answers }));
  }
}

function responseOf({ id, at, answers }: Answered) {
  return {
    id,
    submitted: at,
    answers: Object.entries(answers).map(([ref, value]) => {
      const type = typeof value === "number" ? "number" : ref === "email" ? "email" : "text";
      return { type, [type]: value, field: { id: `f-${ref}`, ref, type } };
    }),
  };
}
