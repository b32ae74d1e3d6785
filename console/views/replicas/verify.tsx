import { useState } from "react";
import { asked, type Replica } from "../../api.ts";
import { type AskError, ask, inSpace } from "../../ask.ts";
import { asError } from "../../parts/load.ts";
import { Badge, Failed, When } from "../../parts/states.tsx";
import { count, counted } from "../../parts/words.ts";

/** Asks a connected replica to compare itself with the server; what it says comes with the list of replicas. */
export function Verify({
  space,
  of,
  connection,
}: {
  readonly space: string;
  readonly of: Replica;
  readonly connection: number;
}) {
  const [fault, setFault] = useState<AskError | null>(null);
  const [sent, setSent] = useState<string | null>(null);
  const { able, verification } = of;
  // Asked here, and the list does not know of it yet.
  const waits = sent !== null && sent === (verification?.asked ?? "");
  const busy = waits || (verification !== null && verification.at === null);
  const verify = () => {
    setFault(null);
    setSent(verification?.asked ?? "");
    ask(inSpace(space, `/replicas/${connection}`), asked, { body: { do: "verify" } }).catch((error: unknown) => {
      setFault(asError(error));
      setSent(null);
    });
  };
  return (
    <section className="change">
      <h3>Is it what the server is?</h3>
      <p className="soft">
        The replica compares itself with the server by fingerprints, puts right what differs, and says what it found.
      </p>
      {able ? (
        <button type="button" disabled={busy} onClick={verify}>
          {busy ? "Verifying …" : "Verify"}
        </button>
      ) : (
        <p>Its client cannot be asked from here: it is older, or follows nothing yet.</p>
      )}
      <div role="status">{!busy && verification !== null && <Found of={verification} />}</div>
      {fault !== null && <Failed error={fault} />}
    </section>
  );
}

function Found({ of: { at, found, failure } }: { readonly of: NonNullable<Replica["verification"]> }) {
  if (found === null) return <p>{failure ?? "It has not said what it found."}</p>;
  const { records, differences, copied } = found;
  return (
    <p>
      {differences === 0 && !copied ? (
        <Badge tone="good">Nothing differed</Badge>
      ) : (
        <Badge tone="bad">It differed</Badge>
      )}{" "}
      {counted(records, "record")} compared
      {differences > 0 && `, ${count(differences)} put right`}
      {copied && ", copied anew"}, <When at={at} />.
    </p>
  );
}
