/** Holds what a replay did against what was recorded. */
import { BYTES_PER_MS } from "../codec/frame.js";
import type { Json, RecordedAction, RecordedReplies } from "./recorded-replies.js";

export interface Comparison {
  /** In words, the first few of each place. Empty: the same. */
  readonly differences: readonly string[];
  /** Greatest distance in time between what was done and what was done again. */
  readonly offMs: number;
}

/**
 * Where speech was cut off, or the stream ended, the relay had sent ahead by whole chunks at
 * the frame tick that came first: a tick more or less is the same.
 */
const CHUNK_MS = 120;
/** How much was heard follows from that, between two marks. */
const HEARD_MS = 40;
/** Caller audio that was being joined when a session was lost. */
const JOINED_MS = 200;
/** Of each place, so many differences are told: one brings others after it. */
const TOLD = 3;

export function compare(recorded: RecordedReplies, replayed: RecordedReplies): Comparison {
  const differences: string[] = [];
  let offMs = 0;
  const places = new Set([...recorded.done.keys(), ...replayed.done.keys()]);
  for (const place of places) {
    const found = compareActions(
      place,
      recorded.done.get(place) ?? [],
      replayed.done.get(place) ?? [],
    );
    differences.push(...found.differences);
    offMs = Math.max(offMs, found.offMs);
  }
  differences.push(
    ...heardDifferences(recorded, replayed),
    ...appendedDifferences(recorded, replayed),
  );
  return { differences, offMs };
}

/** Side by side. Where one has something that the other lacks, they go on behind it. */
function compareActions(
  place: string,
  was: readonly RecordedAction[],
  is: readonly RecordedAction[],
): Comparison {
  const differences: string[] = [];
  let offMs = 0;
  let w = 0;
  let i = 0;
  while (differences.length < TOLD) {
    const [a, b] = [was[w], is[i]];
    if (a === undefined && b === undefined) break;
    if (
      b !== undefined &&
      (a === undefined || (name(a) !== name(b) && name(a) === name(is[i + 1])))
    ) {
      differences.push(`${place}, ${time(b.atMs)}: new: ${told(b.what)}`);
      i++;
    } else if (
      a !== undefined &&
      (b === undefined || (name(a) !== name(b) && name(was[w + 1]) === name(b)))
    ) {
      differences.push(`${place}, ${time(a.atMs)}: missing: ${told(a.what)}`);
      w++;
    } else if (a !== undefined && b !== undefined) {
      const found = differing(a.what, b.what, "");
      const what = `${place}, ${time(a.atMs)}: ${told(a.what)}`;
      if (found === null) offMs = Math.max(offMs, Math.abs(a.atMs - b.atMs));
      else differences.push(`${what} differs in ${found.path}: was ${found.was}, is ${found.is}`);
      w++;
      i++;
    }
  }
  return { differences, offMs };
}

function name(done: RecordedAction | undefined): string | null {
  if (done === undefined) return null;
  const { type, event } = done.what;
  return typeof type === "string" ? type : String(event);
}

interface Difference {
  readonly path: string;
  readonly was: string;
  readonly is: string;
}

/** Null: the same. */
function differing(was: unknown, is: unknown, path: string): Difference | null {
  if (typeof was === "number" && typeof is === "number" && path.endsWith("audio_end_ms"))
    return Math.abs(was - is) <= HEARD_MS ? null : { path, was: `${was}`, is: `${is}` };
  if (typeof was !== "object" || typeof is !== "object" || was === null || is === null)
    return was === is ? null : { path, was: shown(was), is: shown(is) };
  const names = new Set([...Object.keys(was), ...Object.keys(is)]);
  for (const name of names) {
    const found = differing(
      Reflect.get(was, name),
      Reflect.get(is, name),
      path === "" ? name : `${path}.${name}`,
    );
    if (found !== null) return found;
  }
  return null;
}

function heardDifferences(recorded: RecordedReplies, replayed: RecordedReplies): string[] {
  const differences: string[] = [];
  if (recorded.streams.length !== replayed.streams.length)
    differences.push(
      `phone: ${recorded.streams.length} streams were, ${replayed.streams.length} are`,
    );
  for (const [n, stream] of recorded.streams.entries()) {
    const again = replayed.streams[n]?.stretches ?? [];
    for (const [i, was] of stream.stretches.entries()) {
      const is = again[i];
      const what = `phone, ${time(was.atMs)}: the audio`;
      // That it is missing, or ends otherwise, is told by its clear.
      if (is === undefined) {
        if (was.ulaw.length > CHUNK_MS * BYTES_PER_MS) differences.push(`${what} is missing`);
        continue;
      }
      const at = firstDifference(was.ulaw, is.ulaw);
      const common = Math.min(was.ulaw.length, is.ulaw.length);
      if (at < common) differences.push(`${what} differs after ${seconds(at)}`);
      else if (Math.abs(was.ulaw.length - is.ulaw.length) > CHUNK_MS * BYTES_PER_MS)
        differences.push(
          `${what} was ${seconds(was.ulaw.length)} long, is ${seconds(is.ulaw.length)}`,
        );
      if (differences.length >= TOLD) return differences;
    }
    const more = again
      .slice(stream.stretches.length)
      .find(({ ulaw }) => ulaw.length > CHUNK_MS * BYTES_PER_MS);
    if (more !== undefined)
      differences.push(`phone, ${time(more.atMs)}: new: ${seconds(more.ulaw.length)} of audio`);
  }
  return differences;
}

function appendedDifferences(recorded: RecordedReplies, replayed: RecordedReplies): string[] {
  return recorded.appended.flatMap((was, leg) => {
    const is = replayed.appended[leg] ?? new Uint8Array(0);
    const at = firstDifference(was, is);
    const what = `model ${leg + 1}: the caller's audio`;
    if (at < Math.min(was.length, is.length)) return [`${what} differs after ${seconds(at)}`];
    if (Math.abs(was.length - is.length) <= JOINED_MS * BYTES_PER_MS) return [];
    return [`${what} was ${seconds(was.length)} long, is ${seconds(is.length)}`];
  });
}

/** The length of what both begin with. */
function firstDifference(a: Uint8Array, b: Uint8Array): number {
  const end = Math.min(a.length, b.length);
  for (let i = 0; i < end; i++) if (a[i] !== b[i]) return i;
  return end;
}

function told(what: Json): string {
  const { type, event, item_id: item, event_id: id } = what;
  return [type ?? event, item, id].filter((part) => typeof part === "string").join(" ");
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > 120 ? `${text.slice(0, 117)}…` : text;
}

function time(ms: number): string {
  return `at ${(ms / 1000).toFixed(3)} s`;
}

function seconds(bytes: number): string {
  return `${(bytes / BYTES_PER_MS / 1000).toFixed(3)} s`;
}
