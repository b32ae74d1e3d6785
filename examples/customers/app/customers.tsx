import { useDeferredValue, useMemo, useState } from "react";
import type { Customer } from "../collections.ts";
import { count, nameOf, systemOf } from "./words.ts";

const MOST = 300;

interface Props {
  readonly customers: readonly Customer[];
  readonly ready: boolean;
  readonly open: (id: string) => void;
}

export function Customers({ customers, ready, open }: Props) {
  const [text, setText] = useState("");
  const [several, setSeveral] = useState(false);
  const sought = useDeferredValue(text.trim().toLowerCase());
  const found = useMemo(
    () => customers.filter((each) => (!several || (each.sources?.length ?? 0) > 1) && textOf(each).includes(sought)),
    [customers, sought, several],
  );
  return (
    <section aria-label="Customers" aria-busy={!ready}>
      <div className="tools">
        <input
          type="search"
          placeholder="Name, company, city …"
          aria-label="Search"
          value={text}
          onChange={({ target }) => setText(target.value)}
        />
        <label>
          <input type="checkbox" checked={several} onChange={({ target }) => setSeveral(target.checked)} />
          In several systems
        </label>
        <p className="soft" role="status">
          {found.length === customers.length
            ? count(found.length, "customer")
            : `${found.length} of ${customers.length}`}
        </p>
      </div>
      {ready && customers.length === 0 && <p className="empty">Nobody yet: the first runs are under way.</p>}
      <ul className="customers">
        {found.slice(0, MOST).map((each) => (
          <li key={each.id}>
            <button type="button" className="customer" data-customer={each.id} onClick={() => open(each.id)}>
              <span className="name">{nameOf(each)}</span>
              <span className="place soft">{[each.company, each.city].filter(Boolean).join(" · ")}</span>
              <span className="chips">
                {each.sources?.map((source) => (
                  <span key={source} className="chip" data-source={source}>
                    {systemOf(source)}
                  </span>
                ))}
              </span>
              <Score score={each.score} />
            </button>
          </li>
        ))}
      </ul>
      {found.length > MOST && <p className="empty">{found.length - MOST} more: search for them.</p>}
    </section>
  );
}

function Score({ score }: Pick<Customer, "score">) {
  if (score === undefined || score === null) return <span className="score" />;
  const mood = score >= 9 ? "good" : score >= 7 ? "fair" : "bad";
  return (
    <span className="score" data-mood={mood} title="How likely they would recommend us, of 10">
      {score}
    </span>
  );
}

function textOf({ given, family, email, company, city, id }: Customer): string {
  return [given, family, email, company, city, id].join(" ").toLowerCase();
}
