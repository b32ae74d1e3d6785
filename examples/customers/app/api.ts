// What is asked over HTTP, beside the records that the replica follows: the routes for administrators (…/ingest).
import { useCallback, useEffect, useState } from "react";

const SPACE = "/v1/spaces/main";
/** Milliseconds between two looks at what runs and quarantine do. */
const PAUSE = 3_000;

export interface StreamStatus {
  readonly stream: string;
  readonly due: number | null;
  readonly last: Run | null;
  readonly quarantine: { readonly [code: string]: number };
}

export interface Run {
  readonly run: number;
  readonly status: "running" | "done" | "held" | "failed" | "interrupted";
  readonly started: number;
  readonly read: number;
  readonly added: number;
  readonly changed: number;
  readonly rejected: number;
  readonly reasons: readonly string[];
}

export interface Item {
  readonly number: number;
  readonly position: string;
  readonly path: string;
  readonly message: string;
}

export interface ValueOrigin {
  readonly atom: string;
  readonly value: unknown;
  readonly from: {
    readonly source: string;
    readonly stream: string;
    readonly key: readonly string[];
    readonly run: number;
  } | null;
}

export interface Question {
  readonly a: string;
  readonly b: string;
  readonly score: number;
  readonly entities: readonly [string, string];
  readonly evidence: readonly { readonly field: string; readonly similarity: number }[];
}

export async function ask<T>(path: string, order?: object): Promise<T> {
  const post = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(order) };
  const response = await fetch(SPACE + path, order === undefined ? {} : post);
  const answer = (await response.json()) as T & { readonly detail?: string };
  if (!response.ok) throw new Error(answer.detail ?? `the server answers ${response.status}`);
  return answer;
}

/** What a path answers, asked again and again. Null: not known yet. */
export function useAsked<T>(path: string, again: unknown = null): { answer: T | null; refresh: () => void } {
  const [answer, setAnswer] = useState<T | null>(null);
  const refresh = useCallback(() => {
    // A server that is away is told by the replica's status.
    ask<T>(path).then(setAnswer, () => {});
  }, [path]);
  useEffect(() => {
    refresh();
    const timer = setInterval(refresh, PAUSE);
    return () => clearInterval(timer);
  }, [refresh, again]);
  return { answer, refresh };
}
