// Where in the console one is: `#/SPACE/VIEW/…?query`. Each place has an address, so that it can be sent to somebody.
import { useSyncExternalStore } from "react";

export interface Route {
  readonly space: string | null;
  readonly view: string;
  readonly rest: readonly string[];
  readonly query: URLSearchParams;
}

export function routeOf(hash: string): Route {
  const [path = "", search = ""] = hash.replace(/^#\/?/, "").split("?");
  const [space = "", view = "now", ...rest] = path.split("/").map(decoded);
  return { space: space === "" ? null : space, view, rest, query: new URLSearchParams(search) };
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export function hrefOf(
  space: string,
  view: string,
  rest: readonly string[] = [],
  query: { readonly [name: string]: string } = {},
): string {
  const path = [space, view, ...rest].map(encodeURIComponent).join("/");
  const search = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== "")).toString();
  return `#/${path}${search === "" ? "" : `?${search}`}`;
}

export function useHash(): string {
  return useSyncExternalStore(
    (listener) => {
      addEventListener("hashchange", listener);
      return () => removeEventListener("hashchange", listener);
    },
    () => location.hash,
  );
}

export function goTo(href: string): void {
  location.hash = href;
}

/** The same place with another address, without a step in the browser's history. */
export function readdress(href: string): void {
  history.replaceState(null, "", href);
  dispatchEvent(new HashChangeEvent("hashchange"));
}
