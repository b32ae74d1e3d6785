import { useId, useState } from "react";

interface TextProps {
  readonly label: string;
  readonly hideLabel?: boolean;
  readonly value: string;
  readonly long?: boolean;
  readonly required?: boolean;
  readonly save: (value: string) => void;
}

/**
 * A text that is saved when it is left. While somebody writes in it, it is theirs: what arrives meanwhile is told beside it
 * and not put under their hands.
 */
export function TextField({ label, hideLabel = false, value, long = false, required = false, save }: TextProps) {
  const id = useId();
  const [draft, setDraft] = useState<{ readonly text: string; readonly from: string } | null>(null);
  const arrived = draft !== null && draft.from !== value;
  const keep = () => {
    const text = draft?.text.trim() ?? value;
    if (draft !== null && text !== draft.from && !(required && text === "")) save(text);
    setDraft(null);
  };
  const common = {
    id,
    value: draft?.text ?? value,
    onFocus: () => setDraft({ text: value, from: value }),
    onBlur: keep,
    "aria-describedby": arrived ? `${id}-arrived` : undefined,
  };
  return (
    <div className="text-field">
      <label htmlFor={id} className={hideLabel ? "unseen" : undefined}>
        {label}
      </label>
      {long ? (
        <textarea
          {...common}
          rows={4}
          maxLength={10_000}
          placeholder="Nothing yet"
          onChange={(event) => setDraft({ text: event.target.value, from: draft?.from ?? value })}
          onKeyDown={(event) => {
            if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) event.currentTarget.blur();
          }}
        />
      ) : (
        <input
          {...common}
          maxLength={200}
          required={required}
          onChange={(event) => setDraft({ text: event.target.value, from: draft?.from ?? value })}
          onKeyDown={(event) => {
            if (event.key === "Enter") event.currentTarget.blur();
          }}
        />
      )}
      {arrived && (
        <p className="arrived" id={`${id}-arrived`}>
          Meanwhile somebody wrote: {value === "" ? "nothing" : value}
        </p>
      )}
    </div>
  );
}

interface DateProps {
  readonly label: string;
  readonly value: string | undefined;
  readonly save: (value: string | undefined) => void;
}

/** A date, which a browser gives only when it is whole; saved when it is left. */
export function DateField({ label, value, save }: DateProps) {
  const [draft, setDraft] = useState<string | null>(null);
  return (
    <label>
      {label}
      <input
        type="date"
        value={draft ?? value ?? ""}
        onChange={(event) => setDraft(event.target.value)}
        onBlur={(event) => {
          const date = event.target.value || undefined;
          if (draft !== null && date !== value && !event.target.validity.badInput) save(date);
          setDraft(null);
        }}
      />
    </label>
  );
}
