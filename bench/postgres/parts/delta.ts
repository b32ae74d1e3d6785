import type { Row } from "../../figures.ts";
import { Load, requestText } from "../../load.ts";
import { timed } from "../../measure.ts";
import { change, cursorOf, post } from "../../wire.ts";
import { baseOf, FILLED, inTurn, onPostgres, onSqlite, type Part, type RunningServer } from "../part.ts";

const CLIENTS = 64;
/** Seconds of one run. */
const WINDOW = 0.7;
const EVERYTHING = { scope: "*" };

export const delta: Part = {
  id: "P3",
  title: "deltas",
  filled: true,
  async measure(setting) {
    const { runs } = setting;
    const servers = [await onPostgres(setting), await onSqlite(setting)] as const;
    const [ours, sqlite] = [await Puller.open(servers[0]), await Puller.open(servers[1])];
    const one = await inTurn({ ours: () => ours.catchUp(), sqlite: () => sqlite.catchUp() }, { runs, warm: 1 });
    const many = await inTurn({ ours: () => ours.rate("some"), sqlite: () => sqlite.rate("some") }, { runs, warm: 1 });
    const none = await inTurn({ ours: () => ours.rate("none"), sqlite: () => sqlite.rate("none") }, { runs, warm: 1 });
    for (const puller of [ours, sqlite]) puller.close();
    for (const server of servers) await server.end();
    const row = (work: string, unit: string, { ours, sqlite }: typeof one): Row => {
      return { id: "P3", work, unit, values: ours, floor: sqlite, floorIs: "the same from a server on SQLite" };
    };
    return [
      row("a pull over 10,000 changes on 2,000 of 100,000 records", "ms", one),
      row("pulls of 100 changed records, from 64 clients at once", "a second", many),
      row("pulls with nothing new, from 64 clients at once", "a second", none),
    ];
  },
};

/** Pulls by hand: what is measured is the server. */
class Puller {
  readonly #base: string;
  readonly #load: Load;
  #version = 0;
  #hundred = "";
  #now = "";

  private constructor(base: string, load: Load) {
    this.#base = base;
    this.#load = load;
  }

  static async open(server: RunningServer): Promise<Puller> {
    const base = baseOf(server, FILLED);
    const puller = new Puller(base, await Load.open(server.told.url, CLIENTS));
    puller.#hundred = await puller.#cursor();
    await change(base, 100, ++puller.#version);
    puller.#now = await puller.#cursor();
    return puller;
  }

  /** Milliseconds of one pull, which nobody parses. */
  async catchUp(): Promise<number> {
    const cursor = await this.#cursor();
    for (let i = 0; i < 5; i++) await change(this.#base, 2_000, ++this.#version);
    const ms = await timed(() => post(`${this.#base}/pull`, { subscriptions: [{ ...EVERYTHING, cursor }] }));
    this.#hundred = await this.#cursor();
    await change(this.#base, 100, ++this.#version);
    this.#now = await this.#cursor();
    return ms;
  }

  /** Pulls a second. */
  rate(what: "some" | "none"): Promise<number> {
    const cursor = what === "some" ? this.#hundred : this.#now;
    const body = JSON.stringify({ subscriptions: [{ ...EVERYTHING, cursor }] });
    const request = requestText("POST", `${this.#base}/pull`, body);
    return this.#load.rate(WINDOW, () => request);
  }

  close(): void {
    this.#load.close();
  }

  /** Of what is held now. */
  async #cursor(): Promise<string> {
    const head = await fetch(this.#base);
    const { cursor } = (await head.json()) as { cursor?: string };
    return cursor ?? cursorOf(await post(`${this.#base}/pull`, { subscriptions: [EVERYTHING] }));
  }
}
