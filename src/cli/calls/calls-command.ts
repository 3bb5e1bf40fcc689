/** `calls …`: what the console can do, for a terminal and for scripts. */
import { systemClock } from "../../adapters/system/system-clock.js";
import type { CallRecord } from "../../domain/call-record.js";
import { type CliIo, EXIT_FAILED, EXIT_OK, EXIT_USAGE } from "../io.js";
import { type OperatorAnswer, OperatorClient } from "../operator-client.js";
import { callReport, callTable } from "./call-text.js";
import { EventText, readEvent } from "./event-text.js";

interface Json {
  readonly json?: boolean;
}

export interface ListOptions extends Json {
  readonly state?: string;
  readonly outcome?: string;
  readonly agent?: string;
  readonly from?: string;
  readonly search?: string;
  readonly endReason?: string;
  readonly destination?: string;
  readonly minLatency?: string;
  readonly minDuration?: string;
  readonly minCost?: string;
  readonly interrupted?: boolean;
  readonly toolFailed?: boolean;
  readonly sort?: string;
  readonly since?: string;
  readonly until?: string;
  /** How many calls. */
  readonly limit: string;
}

interface Page {
  readonly calls: readonly CallRecord[];
  readonly next: string | null;
}

/** The most that the relay answers at once. */
const MAX_PAGE = 500;

/** Newest first, or as `sort` says. */
export async function listCalls(io: CliIo, options: ListOptions): Promise<number> {
  const limit = Number(options.limit);
  if (!Number.isInteger(limit) || limit < 1) {
    io.err("--limit must be a whole number, at least 1");
    return EXIT_USAGE;
  }
  for (const name of ["since", "until"] as const) {
    if (toTime(options[name] ?? "0m", 0) !== null) continue;
    io.err(`--${name} must be a time: 2026-11-21T08:00:00Z, or 30m, 2h, 7d ago`);
    return EXIT_USAGE;
  }
  const client = OperatorClient.connect(io);
  if (client === null) return EXIT_USAGE;
  const calls: CallRecord[] = [];
  let next: string | null = null;
  do {
    const count = Math.min(MAX_PAGE, limit - calls.length);
    const answer = await client.get(`/api/calls?${listQuery(options, count, next)}`);
    if (answer.status !== 200) return refused(io, client, answer);
    const page = JSON.parse(answer.body) as Page;
    calls.push(...page.calls);
    next = page.next;
  } while (next !== null && calls.length < limit);
  if (options.json === true) {
    io.out(JSON.stringify({ calls }, null, 2));
    return EXIT_OK;
  }
  for (const line of callTable(calls)) io.out(line);
  if (next !== null) io.err(`There are more: --limit ${limit * 2} shows them, too.`);
  return EXIT_OK;
}

function listQuery(options: ListOptions, limit: number, before: string | null): string {
  const { state, outcome, agent, from, destination, sort } = options;
  const given = {
    ...{ state, outcome, agent, from, destination, sort },
    q: options.search,
    end_reason: options.endReason,
    min_latency_ms: options.minLatency,
    min_duration_s: options.minDuration,
    min_cost_usd: options.minCost,
    interrupted: options.interrupted?.toString(),
    tool_failed: options.toolFailed?.toString(),
    before: before ?? undefined,
  };
  const query = new URLSearchParams({ limit: String(limit) });
  for (const [name, value] of Object.entries(given))
    if (value !== undefined) query.set(name, value);
  for (const name of ["since", "until"] as const) {
    const time = toTime(options[name] ?? "", systemClock.epochMs());
    if (time !== null) query.set(name, time);
  }
  return query.toString();
}

const MS_OF_UNIT = { m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** `90m`, `2h` and `7d` before now; a time as it is; null: neither. */
export function toTime(text: string, nowEpochMs: number): string | null {
  const match = /^(\d+)([mhd])$/.exec(text);
  if (match === null) return Number.isNaN(Date.parse(text)) ? null : text;
  const unit = match[2] as keyof typeof MS_OF_UNIT;
  return new Date(nowEpochMs - Number(match[1]) * MS_OF_UNIT[unit]).toISOString();
}

export async function showCall(io: CliIo, callSid: string, { json }: Json): Promise<number> {
  const client = OperatorClient.connect(io);
  if (client === null) return EXIT_USAGE;
  const answer = await client.get(callPath(callSid));
  if (answer.status !== 200) return refused(io, client, answer);
  const call = JSON.parse(answer.body) as CallRecord;
  if (json === true) io.out(JSON.stringify(call, null, 2));
  else for (const line of callReport(call)) io.out(line);
  return EXIT_OK;
}

/**
 * Prints what happens in one call until it ends, or in all calls until Ctrl-C.
 *
 * @param callSid  null: all calls.
 */
export async function tailCalls(
  io: CliIo,
  callSid: string | null,
  { json }: Json,
): Promise<number> {
  const client = OperatorClient.connect(io);
  if (client === null) return EXIT_USAGE;
  const stop = new AbortController();
  io.onSignal(() => stop.abort());
  const query = callSid === null ? "" : `?${new URLSearchParams({ callSid }).toString()}`;
  const stream = await client.follow(`/api/events${query}`, stop.signal);
  if (stop.signal.aborted) return EXIT_OK;
  if (!("events" in stream)) return refused(io, client, stream);
  const text = new EventText();
  try {
    for await (const data of stream.events) {
      const event = readEvent(data);
      if (event === null) continue;
      const line = json === true ? data : text.line(event);
      if (line !== null) io.out(line);
      if (callSid !== null && event.type === "ended") {
        stop.abort();
        return EXIT_OK;
      }
    }
  } catch (error) {
    if (stop.signal.aborted) return EXIT_OK;
    io.err(`the stream of events broke off: ${String(error)}`);
    return EXIT_FAILED;
  }
  io.err("the relay closed the stream of events");
  return EXIT_FAILED;
}

export interface TransferOptions extends Json {
  readonly reason?: string;
}

export async function transferCall(
  io: CliIo,
  callSid: string,
  destination: string,
  { reason, json }: TransferOptions,
): Promise<number> {
  const body = { destination, ...(reason === undefined ? {} : { reason }) };
  const done = `${callSid} is being transferred to ${destination}`;
  return await command(io, `${callPath(callSid)}/transfer`, body, done, json);
}

export async function endCall(io: CliIo, callSid: string, { json }: Json): Promise<number> {
  return await command(io, `${callPath(callSid)}/end`, {}, `${callSid} is being ended`, json);
}

async function command(
  io: CliIo,
  path: string,
  body: object,
  done: string,
  json = false,
): Promise<number> {
  const client = OperatorClient.connect(io);
  if (client === null) return EXIT_USAGE;
  const answer = await client.post(path, body);
  if (answer.status === 404) {
    io.err("the call is over, or there is no such call");
    return EXIT_FAILED;
  }
  if (answer.status !== 202) return refused(io, client, answer);
  io.out(json ? answer.body : done);
  return EXIT_OK;
}

function callPath(callSid: string): string {
  return `/api/calls/${encodeURIComponent(callSid)}`;
}

const REFUSALS: Readonly<Record<string, string>> = {
  not_found: "there is no such call",
  not_live: "the call is over, or its caller is no longer with the agent",
  destination_unknown: "the call's agent has no destination of this name",
  store_unavailable: "the database cannot be reached",
};

function refused(io: CliIo, client: OperatorClient, answer: OperatorAnswer): number {
  io.err(refusalOf(answer) ?? client.explain(answer));
  return answer.status === 400 ? EXIT_USAGE : EXIT_FAILED;
}

/** What a refusal of the operator API means; null: it is none of those that are known here. */
function refusalOf({ body }: OperatorAnswer): string | null {
  try {
    const { error, message } = JSON.parse(body) as { error?: unknown; message?: unknown };
    if (typeof message === "string") return message;
    return typeof error === "string" ? (REFUSALS[error] ?? null) : null;
  } catch {
    return null;
  }
}
