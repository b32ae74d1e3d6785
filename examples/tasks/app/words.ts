import type { Priority, Status } from "../collections.ts";
import { memberOf } from "../team.ts";

export const COLUMNS: { readonly [S in Status]: string } = {
  todo: "To do",
  doing: "In progress",
  review: "Review",
  done: "Done",
};

export const PRIORITY: { readonly [P in Priority]: string } = { low: "Low", normal: "Normal", high: "High" };

export const FIELDS: { readonly [atom: string]: string } = {
  title: "Title",
  status: "Column",
  order: "Place",
  priority: "Priority",
  assignee: "Assignee",
  due: "Due",
  description: "Description",
};

const DAY = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const WHEN = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });

export const day = (date: string): string => DAY.format(new Date(`${date}T12:00:00`));
export const clock = (time: number): string => CLOCK.format(time);
export const when = (time: number | string): string => WHEN.format(new Date(time));

/** Today, as dates are kept: 2026-12-24. */
export function today(): string {
  const now = new Date();
  return new Date(now.getTime() - now.getTimezoneOffset() * 60_000).toISOString().slice(0, 10);
}

export const nameOf = (person: string): string => memberOf(person)?.name ?? person;

/** A value as a person reads it. */
export function shownValue(atom: string, value: unknown): string {
  if (value === null || value === undefined || value === "") return "nothing";
  const text = String(value);
  if (atom === "status") return COLUMNS[text as Status] ?? text;
  if (atom === "priority") return PRIORITY[text as Priority] ?? text;
  if (atom === "assignee") return nameOf(text);
  if (atom === "due") return day(text);
  return text.length > 120 ? `${text.slice(0, 119)}…` : text;
}
