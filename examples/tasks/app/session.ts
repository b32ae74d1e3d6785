import { memberOf, TEAM } from "../team.ts";
import { type Board, openBoard } from "./board.ts";
import { Network } from "./network.ts";

const KEY = "tidemark-tasks-person";

/** Who is at the board. Each person has a replica and a queue of their own. */
class Session {
  readonly network = new Network();
  #board: Board;
  readonly #listeners = new Set<() => void>();

  constructor() {
    this.#board = openBoard(memberOf(localStorage.getItem(KEY) ?? "") ?? TEAM[0]!, this.network);
  }

  readonly board = (): Board => this.#board;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  async become(person: string): Promise<void> {
    const member = memberOf(person);
    if (member === undefined || member === this.#board.me) return;
    const before = this.#board;
    localStorage.setItem(KEY, person);
    this.#board = openBoard(member, this.network);
    for (const listener of this.#listeners) listener();
    await before.close();
  }
}

export const session = new Session();
