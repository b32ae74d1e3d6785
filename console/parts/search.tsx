import { type FormEvent, useState } from "react";

/** A field that is asked for when it is sent, not at every letter: a search may cost the server something. */
export function Search({
  label,
  value,
  onSearch,
  hint,
}: {
  readonly label: string;
  readonly value: string;
  onSearch(text: string): void;
  readonly hint?: string;
}) {
  const [text, setText] = useState(value);
  const send = (event: FormEvent) => {
    event.preventDefault();
    onSearch(text.trim());
  };
  return (
    <form role="search" className="search" onSubmit={send}>
      <label>
        <span className="unseen">{label}</span>
        <input
          type="search"
          value={text}
          placeholder={hint ?? label}
          maxLength={500}
          onChange={(event) => {
            setText(event.target.value);
            if (event.target.value === "" && value !== "") onSearch("");
          }}
        />
      </label>
      <button type="submit">Search</button>
    </form>
  );
}
