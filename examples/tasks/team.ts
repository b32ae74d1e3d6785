// Who is there, and what each may see. A real application would keep this in records, or take it from a token.

export interface Member {
  readonly id: string;
  readonly name: string;
  readonly hue: number;
  readonly projects: readonly string[];
  /** May read who changed what, which is for administrators. */
  readonly admin: boolean;
}

export const TEAM: readonly Member[] = [
  { id: "ann", name: "Ann", hue: 262, projects: ["website", "app", "office"], admin: true },
  { id: "ben", name: "Ben", hue: 200, projects: ["website", "app"], admin: true },
  { id: "chloe", name: "Chloe", hue: 152, projects: ["app", "office"], admin: true },
  { id: "david", name: "David", hue: 24, projects: ["website", "app", "office"], admin: true },
  { id: "guest", name: "Gil (guest)", hue: 330, projects: ["website"], admin: false },
];

export const memberOf = (id: string): Member | undefined => TEAM.find((member) => member.id === id);
