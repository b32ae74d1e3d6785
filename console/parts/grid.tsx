import { type KeyboardEvent, type ReactNode, useEffect, useId, useLayoutEffect, useRef, useState } from "react";
import { count } from "./words.ts";

export interface Column<T> {
  readonly head: string;
  /** A track of the grid: "8rem", "minmax(8rem, 1fr)". */
  readonly width: string;
  cell(row: T): ReactNode;
  readonly end?: boolean;
  /** On a line of its own where there is little room. */
  readonly main?: boolean;
  /** Not shown where there is little room. */
  readonly wide?: boolean;
}

interface Props<T> {
  readonly label: string;
  readonly columns: readonly Column<T>[];
  readonly rows: readonly T[];
  keyOf(row: T): string | number;
  /** Said where there are no rows. */
  readonly empty: ReactNode;
  onOpen?(row: T): void;
  /** The end is near: more rows are wanted. */
  onEnd?(): void;
  /** What stands below the last row. */
  readonly foot?: ReactNode;
}

/** Pixels of a row: of one line, and of two. */
const ROWS = { one: 36, two: 58 };
/** Rows beyond the visible ones, above and below, so that scrolling shows no gaps. */
const SPARE = 10;

/**
 * A table of any length: only the rows that can be seen are in the page. It takes the focus as one thing; arrows, Home, End
 * and Page keys go through the rows, Enter opens one.
 */
export function Grid<T>({ label, columns, rows, keyOf, empty, onOpen, onEnd, foot }: Props<T>) {
  const id = useId();
  const box = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(0);
  const [height, setHeight] = useState(600);
  const [active, setActive] = useState(-1);
  const narrow = useNarrow();
  const shown = narrow ? columns.filter(({ wide }) => wide !== true) : columns;
  const two = narrow && shown.some(({ main }) => main);
  const ROW = two ? ROWS.two : ROWS.one;
  const tracks = two ? undefined : shown.map(({ width }) => width).join(" ");
  const lines = two ? " two" : "";
  const classOf = ({ end, main }: Column<T>) => (two && main ? "main" : end && !two ? "end" : undefined);

  useLayoutEffect(() => {
    const element = box.current;
    if (element === null) return;
    const watcher = new ResizeObserver(() => setHeight(element.clientHeight));
    watcher.observe(element);
    return () => watcher.disconnect();
  }, [rows.length === 0]);

  const first = Math.max(0, Math.floor(top / ROW) - SPARE);
  const last = Math.min(rows.length, Math.ceil((top + height) / ROW) + SPARE);
  const near = rows.length > 0 && last >= rows.length;
  useEffect(() => {
    if (near) onEnd?.();
  }, [near, rows.length, onEnd]);

  const activate = (index: number) => {
    const next = Math.max(0, Math.min(rows.length - 1, index));
    setActive(next);
    const element = box.current;
    if (element === null) return;
    // The head stays in sight, above all rows.
    const begin = next * ROW + ROWS.one;
    if (begin - ROWS.one < element.scrollTop) element.scrollTop = begin - ROWS.one;
    else if (begin + ROW > element.scrollTop + element.clientHeight)
      element.scrollTop = begin + ROW - element.clientHeight;
  };

  const onKey = (event: KeyboardEvent) => {
    if (event.target !== box.current) return;
    const page = Math.max(1, Math.floor(height / ROW) - 2);
    const steps: { readonly [key: string]: number } = {
      ArrowDown: active + 1,
      ArrowUp: active - 1,
      PageDown: active + page,
      PageUp: active - page,
      Home: 0,
      End: rows.length - 1,
    };
    const to = steps[event.key];
    const row = rows[active];
    if (to !== undefined) activate(to);
    else if ((event.key === "Enter" || event.key === " ") && row !== undefined && onOpen) onOpen(row);
    else return;
    event.preventDefault();
  };

  if (rows.length === 0) return <div className="empty">{empty}</div>;
  return (
    <>
      <div
        className="grid"
        ref={box}
        role="grid"
        tabIndex={0}
        aria-label={label}
        aria-rowcount={rows.length + 1}
        aria-activedescendant={active >= first && active < last ? `${id}-${active}` : undefined}
        onKeyDown={onKey}
        onScroll={(event) => setTop(event.currentTarget.scrollTop)}
      >
        <div className={`row head${lines}`} role="row" aria-rowindex={1} style={{ gridTemplateColumns: tracks }}>
          {shown.map((column) => (
            <span key={column.head} role="columnheader" className={two && column.main ? "unseen" : classOf(column)}>
              {column.head}
            </span>
          ))}
        </div>
        <div role="rowgroup" className="rows" style={{ height: rows.length * ROW }}>
          {rows.slice(first, last).map((row, i) => {
            const index = first + i;
            return (
              // The keyboard's way to open a row is the grid's own.
              <div
                key={keyOf(row)}
                id={`${id}-${index}`}
                className={`row${lines}${index === active ? " active" : ""}`}
                role="row"
                aria-rowindex={index + 2}
                data-open={onOpen ? "" : undefined}
                style={{ gridTemplateColumns: tracks, top: index * ROW, height: ROW }}
                onClick={(event) => {
                  setActive(index);
                  if (!(event.target as HTMLElement).closest("a, button")) onOpen?.(row);
                }}
              >
                {shown.map((column) => (
                  <span key={column.head} role="gridcell" className={classOf(column)}>
                    {column.cell(row)}
                  </span>
                ))}
              </div>
            );
          })}
        </div>
      </div>
      <div className="foot">{foot ?? `${count(rows.length)} shown`}</div>
    </>
  );
}

const NARROW = "(max-width: 700px)";

export function useNarrow(): boolean {
  const [narrow, setNarrow] = useState(() => matchMedia(NARROW).matches);
  useEffect(() => {
    const media = matchMedia(NARROW);
    const look = () => setNarrow(media.matches);
    media.addEventListener("change", look);
    return () => media.removeEventListener("change", look);
  }, []);
  return narrow;
}
