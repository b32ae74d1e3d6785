import type { NoteRange } from "../store/store.ts";

/** All that a space keeps of its links lies in its notes, under `link/NAME/`, and commits with the records. */
export const LINKS = "link/";
/** The links that were added to the running server (S13), apart from what each keeps. */
export const STORED = "links/";

export function rootOf(link: string): string {
  return `${LINKS}${link}/`;
}

/** All names that begin so. The prefix ends with a character that has a next one of one byte. */
export function under(prefix: string): NoteRange {
  const last = prefix.length - 1;
  return { from: prefix, to: prefix.slice(0, last) + String.fromCharCode(prefix.charCodeAt(last) + 1) };
}

export const storedName = (link: string) => `${STORED}${link}`;
export const rowName = (link: string, key: string) => `${rootOf(link)}row/${key}`;
/** Who took a record out upstream that is still here. */
export const endName = (link: string, key: string) => `${rootOf(link)}end/${key}`;
export const asideName = (link: string, key: string) => `${rootOf(link)}aside/${key}`;
export const clientName = (link: string, name: string) => `${rootOf(link)}client/${name}`;
export const placeName = (link: string) => `${rootOf(link)}place`;
export const leaseName = (link: string) => `${rootOf(link)}lease`;
/** It is there while copies have been taken in of which not all is known to be there (S27). */
export const partialName = (link: string) => `${rootOf(link)}partial`;
export const pathName = (link: string) => `${rootOf(link)}path`;
export const stateName = (link: string) => `${rootOf(link)}state`;
export const conflictName = (link: string, number: number) => `${rootOf(link)}conflict/${padded(number)}`;
export const stagedName = (link: string, subscription: number, line: number) =>
  `${stagedRoot(link, subscription)}${padded(line)}`;
export const stagedRoot = (link: string, subscription: number) => `${rootOf(link)}staged/${subscription}/`;
/** What is remembered of the lines that are staged, apart from their texts; of all, or of one subscription. */
export const pagesRoot = (link: string, subscription?: number) =>
  subscription === undefined ? `${rootOf(link)}page/` : `${rootOf(link)}page/${subscription}/`;
export const pageName = (link: string, subscription: number, line: number) =>
  `${pagesRoot(link, subscription)}${padded(line)}`;

/** Padded, so that names sort as numbers do. */
function padded(number: number): string {
  return String(number).padStart(16, "0");
}

/** The key of a registered link, its secret half sealed. */
export const keyNoteName = (link: string) => `${rootOf(link)}key`;
