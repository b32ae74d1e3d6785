import { useState } from "react";
import { anything, type Link, linkReport, links } from "../../api.ts";
import type { ViewProps } from "../../app.tsx";
import { type AskError, ask, inSpace } from "../../ask.ts";
import { asError, useLoad } from "../../parts/load.ts";
import { Badge, Facts, Failed, Shown, type Tone, View, When } from "../../parts/states.tsx";
import { count, counted } from "../../parts/words.ts";
import { LinkSheet } from "./details.tsx";
import { GrantedLinks } from "./granted.tsx";

export const TONES: { readonly [S in Link["state"]]: Tone } = {
  running: "good",
  waiting: "warm",
  crashing: "bad",
  refused: "bad",
  paused: "soft",
};

/** What of other servers this space follows, and who follows this server. */
export function Links({ space, server }: ViewProps) {
  const loaded = useLoad(`links ${space}`, (signal) => ask(inSpace(space, "/links"), links, { signal }), 4_000);
  const [open, setOpen] = useState<string | null>(null);
  return (
    <View title="Links" about="What this space follows of other servers, and which servers were let follow this one.">
      <Shown of={loaded}>
        {({ links: all }) =>
          all.length === 0 ? (
            <div className="empty">This space follows no other server.</div>
          ) : (
            <ul className="cards">
              {all.map((link) => (
                <li key={link.name} className="panel">
                  <LinkCard space={space} of={link} onOpen={() => setOpen(link.name)} changed={loaded.reload} />
                </li>
              ))}
            </ul>
          )
        }
      </Shown>
      {open !== null && <LinkSheet key={open} space={space} name={open} onClose={() => setOpen(null)} />}
      {server && <GrantedLinks />}
    </View>
  );
}

function LinkCard({
  space,
  of,
  onOpen,
  changed,
}: {
  readonly space: string;
  readonly of: Link;
  onOpen(): void;
  changed(): void;
}) {
  const [told, setTold] = useState<string | AskError | null>(null);
  const [busy, setBusy] = useState<string | null>(null);
  const order = async (what: string) => {
    setBusy(what);
    setTold(null);
    try {
      const path = inSpace(space, `/links/${encodeURIComponent(of.name)}`);
      const answer = await ask(path, anything, { body: { do: what } });
      setTold(what === "verify" ? foundBy(answer) : null);
    } catch (error) {
      setTold(asError(error));
    } finally {
      setBusy(null);
      changed();
    }
  };
  const button = (what: string, title: string) => (
    <button type="button" disabled={busy !== null} onClick={() => void order(what)}>
      {busy === what ? "…" : title}
      <span className="unseen"> {of.name}</span>
    </button>
  );
  return (
    <>
      <header>
        <h2>{of.name}</h2>
        <Badge tone={TONES[of.state]}>{of.state}</Badge>
        <small>
          since <When at={of.since} />
        </small>
      </header>
      {of.cause !== null && <p className="cause">{of.cause}</p>}
      <Facts
        of={[
          ["Upstream", `${of.url}, ${of.space}`],
          ["Scopes", of.scopes.join(", ")],
          ["Direction", of.direction === "both" ? "brings and sends" : "brings"],
          ["Runs", of.schedule ?? "all the time"],
          [
            "Complete to",
            of.asOf === null ? (
              "nothing yet"
            ) : (
              <>
                revision {count(of.revision)}, as of <When at={of.asOf} />
              </>
            ),
          ],
          ["Not sent yet", `${count(of.queued)} mutations, ${count(of.unsent)} revisions`],
          ["Lost", count(of.conflicts)],
          ["Set aside", of.held > 0 ? `${count(of.aside)}, ${count(of.held)} of them held` : count(of.aside)],
        ]}
      />
      <div className="actions">
        <button type="button" onClick={onOpen}>
          Details<span className="unseen"> of {of.name}</span>
        </button>
        {of.state === "paused" ? button("resume", "Resume") : button("pause", "Pause")}
        {button("verify", "Verify")}
        {of.held > 0 && button("confirm", `Confirm ${count(of.held)}`)}
      </div>
      <div role="status">{told !== null && (typeof told === "string" ? <p>{told}</p> : <Failed error={told} />)}</div>
    </>
  );
}

/** What a verification found, in words. */
function foundBy(answer: { readonly [name: string]: unknown }): string {
  const { report } = linkReport.parse(answer);
  if (report === null) return "The link does not run now, so that there is nothing to compare with.";
  const differed = report.subscriptions.reduce((sum, { differences }) => sum + differences.length, 0);
  const all = report.subscriptions.reduce((sum, each) => sum + each.count, 0);
  const own = report.own.length === 0 ? "" : ` ${counted(report.own.length, "record")} were written here, and stay.`;
  if (differed === 0) return `Verified: ${counted(all, "record")} are as upstream has them.${own}`;
  return `Verified: ${counted(differed, "record")} of ${count(all)} differed, and were put right.${own}`;
}
