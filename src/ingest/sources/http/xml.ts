import type { Element } from "@xmldom/xmldom";
import { SourceError } from "../../source.ts";

export interface Xml {
  /** @throws SourceError `protocol` where the text is no XML; `where` says whose it is. */
  parse(text: string, where: string): Element;
}

/** Loads the reader of XML, which whoever uses such a source has installed. */
export async function xml(): Promise<Xml> {
  const { DOMParser } = await import("@xmldom/xmldom").catch(() => {
    throw new SourceError("protocol", "this source needs the package @xmldom/xmldom: npm install @xmldom/xmldom");
  });
  return {
    parse(text, where) {
      try {
        const parser = new DOMParser({ onError: (level, message) => refuse(level, message) });
        const root = parser.parseFromString(text, "text/xml").documentElement;
        if (root !== null) return root;
      } catch {
        // Told below, with the place.
      }
      throw new SourceError("protocol", `${where}: the answer is no XML, or was cut off`);
    },
  };
}

function refuse(level: string, message: string): void {
  if (level !== "warning") throw new Error(message);
}

/** The children of this name, in a namespace. */
export function children(element: Element, namespace: string, name: string): Element[] {
  return [...element.childNodes].filter((node): node is Element => {
    const { namespaceURI, localName } = node as Element;
    return namespaceURI === namespace && localName === name;
  });
}

/** The first descendant at this way of names of one namespace; null where there is none. */
export function descend(element: Element, namespace: string, ...names: string[]): Element | null {
  let here: Element | undefined = element;
  for (const name of names) here = here === undefined ? undefined : children(here, namespace, name)[0];
  return here ?? null;
}

export function escaped(text: string): string {
  return text.replace(/[<>&"]/g, (sign) => `&#${sign.charCodeAt(0)};`);
}
