import type { CSSProperties } from "react";
import { memberOf } from "../team.ts";

/** A person as a coloured initial. */
export function Face({ person, title }: { person: string; title?: string }) {
  const member = memberOf(person);
  const style = { "--hue": member?.hue ?? 0 } as CSSProperties;
  return (
    <span className="face" style={style} title={title} aria-hidden="true">
      {(member?.name ?? person).slice(0, 1)}
    </span>
  );
}
