import { linkDetails } from "../../api.ts";
import { ask, inSpace } from "../../ask.ts";
import { AtomTable, Value } from "../../parts/changes.tsx";
import { useLoad } from "../../parts/load.ts";
import { Sheet } from "../../parts/sheet.tsx";
import { Badge, Shown, When } from "../../parts/states.tsx";
import { count, counted, who } from "../../parts/words.ts";
import { hrefOf } from "../../route.ts";
import { TONES } from "./links.tsx";

/** Entries of a log that are shown: `tidemark link show` tells all. */
const MOST = 100;

export function LinkSheet({
  space,
  name,
  onClose,
}: {
  readonly space: string;
  readonly name: string;
  onClose(): void;
}) {
  const loaded = useLoad(`link ${space} ${name}`, (signal) =>
    ask(inSpace(space, `/links/${encodeURIComponent(name)}`), linkDetails, { signal }),
  );
  return (
    <Sheet title={`Link ${name}`} onClose={onClose}>
      <Shown of={loaded}>
        {({ history, conflictLog, asideLog, conflicts, aside }) => (
          <>
            <section className="change">
              <h3>States, the newest first</h3>
              <ol className="plain-list">
                {history.map(({ state, cause, at }) => (
                  <li key={`${at} ${state}`}>
                    <Badge tone={TONES[state]}>{state}</Badge> <When at={at} />{" "}
                    {cause !== null && <small>{cause}</small>}
                  </li>
                ))}
                {history.length === 0 && <li className="soft">It has been as it is since it was made.</li>}
              </ol>
            </section>
            <section className="change">
              <h3>{counted(conflicts, "loss", "losses")} against upstream</h3>
              {conflictLog.slice(0, MOST).map((each) => (
                <article key={each.number}>
                  <h4>
                    {each.number}.{" "}
                    <a href={hrefOf(space, "record", [each.collection, each.id])}>
                      {each.collection}/{each.id}
                    </a>{" "}
                    <small>
                      {each.op}, {each.reason}, {each.author === null ? "author not known" : who(each.author)},{" "}
                      <When at={each.at} />
                    </small>
                  </h4>
                  <AtomTable of={each.atoms} />
                  <p className="soft">
                    Upstream has: <Value of={each.upstream} />
                  </p>
                </article>
              ))}
              {conflictLog.length > MOST && <p className="soft">The newest {count(MOST)} are shown.</p>}
            </section>
            <section className="change">
              <h3>{counted(aside, "record")} set aside</h3>
              <ul className="plain-list">
                {asideLog.slice(0, MOST).map(({ collection, id, code, message, at }) => (
                  <li key={`${collection}/${id}`}>
                    <strong>
                      {collection}/{id}
                    </strong>{" "}
                    {message} <small>{code}</small> <When at={at} />
                  </li>
                ))}
              </ul>
            </section>
          </>
        )}
      </Shown>
    </Sheet>
  );
}
