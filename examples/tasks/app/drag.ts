import { type PointerEvent as ReactPointerEvent, useCallback, useEffect, useRef, useState } from "react";
import type { Status } from "../collections.ts";

/** Where a card would fall: before the card that is at this place of the column now, itself left out. */
export interface Place {
  readonly status: Status;
  readonly index: number;
}

export interface Drag extends Place {
  readonly id: string;
}

/** So far a pointer moves before it is more than a click, in pixels. */
const SLACK = 6;
/** So close to the board's edge it scrolls, in pixels. */
const EDGE = 48;

/** Dragging cards with any pointer. A finger takes a card by its handle, so that it can scroll everywhere else. */
export function useDrag(drop: (id: string, place: Place) => void) {
  const [drag, setDrag] = useState<Drag | null>(null);
  const dropping = useRef(drop);
  dropping.current = drop;
  const ending = useRef<(() => void) | null>(null);
  useEffect(() => () => ending.current?.(), []);

  const start = useCallback((event: ReactPointerEvent<HTMLElement>, id: string) => {
    if (event.button !== 0 || !mayStart(event)) return;
    const card = event.currentTarget;
    const origin = { x: event.clientX, y: event.clientY };
    let ghost: Ghost | null = null;
    let place: Place | null = null;

    const move = (now: PointerEvent) => {
      if (ghost === null && Math.hypot(now.clientX - origin.x, now.clientY - origin.y) < SLACK) return;
      ghost ??= ghostOf(card, origin);
      ghost.follow(now.clientX, now.clientY);
      scrollNear(now.clientX);
      place = placeAt(now.clientX, now.clientY, id) ?? place;
      if (place !== null) setDrag({ id, ...place });
    };
    const up = () => {
      if (ghost !== null) {
        swallowClick();
        if (place !== null) dropping.current(id, place);
      }
      end();
    };
    const key = (pressed: KeyboardEvent) => {
      if (pressed.key === "Escape") end();
    };
    const end = () => {
      ghost?.remove();
      setDrag(null);
      ending.current = null;
      removeEventListener("pointermove", move);
      removeEventListener("pointerup", up);
      removeEventListener("pointercancel", end);
      removeEventListener("keydown", key);
    };
    ending.current?.();
    ending.current = end;
    addEventListener("pointermove", move);
    addEventListener("pointerup", up);
    addEventListener("pointercancel", end);
    addEventListener("keydown", key);
  }, []);

  return { drag, start };
}

function mayStart({ target, pointerType }: ReactPointerEvent): boolean {
  const element = target as Element;
  if (element.closest("input, textarea, select, .edit") !== null) return false;
  return pointerType === "mouse" || element.closest(".grip") !== null;
}

interface Ghost {
  follow(x: number, y: number): void;
  remove(): void;
}

/** The card under the pointer, as a picture of itself. */
function ghostOf(card: HTMLElement, origin: { x: number; y: number }): Ghost {
  const box = card.getBoundingClientRect();
  const picture = card.cloneNode(true) as HTMLElement;
  picture.classList.add("ghost-card");
  picture.setAttribute("aria-hidden", "true");
  picture.inert = true;
  picture.style.width = `${box.width}px`;
  document.body.append(picture);
  document.documentElement.classList.add("dragging");
  return {
    follow(x, y) {
      picture.style.transform = `translate(${box.x + x - origin.x}px, ${box.y + y - origin.y}px) rotate(1.5deg)`;
    },
    remove() {
      picture.remove();
      document.documentElement.classList.remove("dragging");
    },
  };
}

function placeAt(x: number, y: number, id: string): Place | null {
  const column = document.elementFromPoint(x, y)?.closest<HTMLElement>("[data-column]");
  if (column === null || column === undefined) return null;
  const cards = [...column.querySelectorAll<HTMLElement>("[data-task]")].filter((card) => card.dataset["task"] !== id);
  const index = cards.filter((card) => {
    const box = card.getBoundingClientRect();
    return box.y + box.height / 2 < y;
  }).length;
  return { status: column.dataset["column"] as Status, index };
}

function scrollNear(x: number): void {
  const columns = document.querySelector(".columns");
  if (x < EDGE) columns?.scrollBy({ left: -EDGE });
  else if (x > innerWidth - EDGE) columns?.scrollBy({ left: EDGE });
}

/** The click that follows a drag is none. */
function swallowClick(): void {
  const swallow = (event: MouseEvent) => {
    event.stopPropagation();
    event.preventDefault();
  };
  addEventListener("click", swallow, { capture: true, once: true });
  setTimeout(() => removeEventListener("click", swallow, { capture: true }));
}
