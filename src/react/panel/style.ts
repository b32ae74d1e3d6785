const CSS = `
/* What an application says of its own lists and buttons is not for these. */
.tidemark-panel, .tidemark-panel * { all: revert; box-sizing: border-box; }
.tidemark-panel {
  --ground: #ffffff; --raised: #f3f5f8; --line: #d5dae2; --text: #1a2230; --soft: #56617a;
  --accent: #1d5fd1; --good: #1a7f4b; --warn: #9a5b00; --bad: #b3261e;
  position: fixed; right: 0.75rem; bottom: calc(0.75rem + env(safe-area-inset-bottom)); z-index: 2147483000;
  display: flex; flex-direction: column; align-items: flex-end; gap: 0.5rem; max-width: calc(100vw - 1.5rem);
  font: 13px/1.45 system-ui, sans-serif; color: var(--text); color-scheme: light; pointer-events: none;
}
@media (prefers-color-scheme: dark) {
  .tidemark-panel {
    --ground: #171c25; --raised: #222936; --line: #384254; --text: #e8ecf3; --soft: #a3aec2;
    --accent: #7fb0ff; --good: #63cf98; --warn: #f0b35a; --bad: #ff8f86; color-scheme: dark;
  }
}
.tidemark-panel > * { pointer-events: auto; }
.tidemark-panel button {
  font: inherit; color: inherit; cursor: pointer; padding: 0.4rem 0.75rem; min-height: 2.25rem;
  border: 1px solid var(--line); border-radius: 0.5rem; background: var(--raised);
}
.tidemark-panel button:disabled { cursor: progress; opacity: 0.6; }
.tidemark-panel :focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
.tidemark-panel .tm-handle {
  display: flex; gap: 0.5rem; align-items: center; border-radius: 2rem; background: var(--ground);
  box-shadow: 0 2px 10px rgb(0 0 0 / 0.18);
}
.tidemark-panel .tm-dot { flex: none; width: 0.6rem; height: 0.6rem; border-radius: 50%; background: var(--warn); }
.tidemark-panel [data-state="upToDate"] .tm-dot { background: var(--good); }
.tidemark-panel :is([data-state="failed"], [data-state="unauthorised"], [data-state="other-principal"],
  [data-state="upgrade-required"]) .tm-dot { background: var(--bad); }
.tidemark-panel .tm-drawer {
  width: 27rem; max-width: 100%; max-height: min(36rem, calc(100vh - 5.5rem)); max-height: min(36rem, calc(100dvh - 5.5rem));
  overflow: auto; overscroll-behavior: contain; padding: 0.75rem 1rem 1rem;
  border: 1px solid var(--line); border-radius: 0.75rem; background: var(--ground);
  box-shadow: 0 8px 32px rgb(0 0 0 / 0.28);
}
.tidemark-panel :is(h2, h3, p, dl, dd, ul, pre) { margin: 0; padding: 0; }
.tidemark-panel h2 { font-size: 1.1em; }
.tidemark-panel h3 { font-size: 1em; margin-top: 1rem; padding-bottom: 0.25rem; border-bottom: 1px solid var(--line); }
.tidemark-panel .tm-top { display: flex; justify-content: space-between; align-items: center; gap: 0.5rem; }
.tidemark-panel dl { display: grid; grid-template-columns: auto 1fr; gap: 0.1rem 0.75rem; margin-top: 0.5rem; }
.tidemark-panel dt, .tidemark-panel .tm-soft { color: var(--soft); }
.tidemark-panel :is(dd, li) { overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
.tidemark-panel .tm-actions { display: flex; flex-wrap: wrap; gap: 0.5rem 0.75rem; align-items: center; margin-top: 0.75rem; }
.tidemark-panel .tm-actions label { display: flex; gap: 0.4rem; align-items: center; min-height: 2.25rem; cursor: pointer; }
.tidemark-panel .tm-actions input { width: 1.1rem; height: 1.1rem; accent-color: var(--accent); }
.tidemark-panel .tm-found { margin-top: 0.5rem; }
.tidemark-panel .tm-found:empty { display: none; }
.tidemark-panel ul { list-style: none; }
.tidemark-panel li { padding: 0.35rem 0; border-bottom: 1px solid var(--line); }
.tidemark-panel li:last-child { border-bottom: 0; }
.tidemark-panel .tm-side { float: right; margin-left: 0.75rem; color: var(--soft); }
.tidemark-panel code { font: 0.95em/1.4 ui-monospace, monospace; }
.tidemark-panel .tm-applied { color: var(--good); }
.tidemark-panel :is(.tm-superseded, .tm-unknown) { color: var(--warn); }
.tidemark-panel :is(.tm-rejected, .tm-bad) { color: var(--bad); }
`;

let adopted = false;

/** Adds the panel's style to the page, once. As a made sheet, which a page's policy for inline styles does not refuse. */
export function adoptStyle(): void {
  if (adopted) return;
  adopted = true;
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(CSS);
  document.adoptedStyleSheets.push(sheet);
}
