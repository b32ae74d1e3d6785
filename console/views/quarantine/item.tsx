import { type FormEvent, useState } from "react";
import { type Item, settled } from "../../api.ts";
import { type AskError, ask } from "../../ask.ts";
import { AtomTable } from "../../parts/changes.tsx";
import { asError } from "../../parts/load.ts";
import { Sheet } from "../../parts/sheet.tsx";
import { Badge, Facts, Failed } from "../../parts/states.tsx";
import { brief, count, exact, iso } from "../../parts/words.ts";
import { ITEM_TONES } from "./quarantine.tsx";
import { valueOf } from "./value.ts";

/** One item: why it is here, as it came, and what can be done about it. */
export function ItemSheet({
  path,
  of,
  onClose,
  changed,
}: {
  readonly path: string;
  readonly of: Item;
  onClose(): void;
  changed(): void;
}) {
  const [told, setTold] = useState<string | AskError | null>(null);
  const [busy, setBusy] = useState(false);
  const unsettled = of.status === "open" || of.status === "waiting";
  const fields = [
    ...new Set([...of.flaws.map((flaw) => flaw.path).filter((each) => each !== ""), ...Object.keys(of.value ?? {})]),
  ];
  const order = async (body: object) => {
    setBusy(true);
    setTold(null);
    try {
      const { run, discarded } = await ask(path, settled, { body });
      if (discarded !== undefined) setTold(discarded === 0 ? "It was settled already." : "It is set aside for good.");
      else if (!run) setTold("There was nothing to replay.");
      else setTold(run.rejected + run.waiting > 0 ? "It was tried again, and stays: look again why." : "It is in.");
      changed();
    } catch (error) {
      setTold(asError(error));
    } finally {
      setBusy(false);
    }
  };
  const fix = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const field = String(form.get("field") ?? "").trim();
    void order({ do: "fix", number: of.number, values: { [field]: valueOf(String(form.get("value") ?? "")) } });
  };
  return (
    <Sheet title={`Item ${count(of.number)}`} onClose={onClose}>
      <Facts
        of={[
          [
            "State",
            <Badge key="state" tone={ITEM_TONES[of.status]}>
              {of.status}
            </Badge>,
          ],
          ["Where", of.position],
          ["Refused at", of.stage],
          ["First seen", exact(iso(of.firstSeen))],
          ["Times", count(of.times)],
          ...(of.parent === undefined ? [] : [["Waits for", of.parent] as const]),
        ]}
      />
      <section className="change">
        <h3>What is wrong</h3>
        <ul className="plain-list">
          {(of.flaws.length > 0 ? of.flaws : [of]).map(({ code, path: field, message }) => (
            <li key={`${code} ${field}`}>
              {field !== "" && <strong>{field}: </strong>}
              {message} <small>{code}</small>
            </li>
          ))}
        </ul>
      </section>
      {of.value !== null && (
        <section className="change">
          <h3>As it came</h3>
          <AtomTable of={of.value} changed={of.flaws.map((flaw) => flaw.path)} />
        </section>
      )}
      {of.raw !== undefined && (
        <section className="change">
          <h3>Its text</h3>
          <code>{brief(of.raw, 4_000)}</code>
        </section>
      )}
      {unsettled && (
        <section className="change">
          <h3>Set a field right, and replay</h3>
          <form className="tools" onSubmit={fix}>
            <label>
              <span className="unseen">Field</span>
              <input name="field" list="fields" placeholder="Field" defaultValue={fields[0] ?? ""} required />
            </label>
            <datalist id="fields">
              {fields.map((field) => (
                <option key={field} value={field} />
              ))}
            </datalist>
            <label>
              <span className="unseen">Value</span>
              <input name="value" placeholder="Value" />
            </label>
            <button type="submit" disabled={busy}>
              Set, and replay
            </button>
          </form>
          <p className="soft">A value that is JSON (12, true, null) is taken as such, anything else as text.</p>
          <div className="actions">
            <button type="button" disabled={busy} onClick={() => void order({ do: "replay", numbers: [of.number] })}>
              Replay as it is
            </button>
            <button type="button" disabled={busy} onClick={() => void order({ do: "discard", numbers: [of.number] })}>
              Set aside for good
            </button>
          </div>
        </section>
      )}
      <div role="status">{told !== null && (typeof told === "string" ? <p>{told}</p> : <Failed error={told} />)}</div>
    </Sheet>
  );
}
