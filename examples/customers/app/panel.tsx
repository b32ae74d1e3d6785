import type { ReactNode } from "react";

const WIDE = "(min-width: 861px)";

/** A part of the side that can be closed; on a phone it is at first, so that the customers are not below it. */
export function Panel({ name, title, children }: { name: string; title: ReactNode; children: ReactNode }) {
  return (
    <section aria-label={name}>
      <details open={matchMedia(WIDE).matches}>
        <summary>{title}</summary>
        {children}
      </details>
    </section>
  );
}
