/** Call records for operators: lists, single calls, export and deletion. See `docs/records.md`. */
import type { CallRecord } from "../domain/call-record.js";
import { RelayError } from "../domain/errors.js";
import type { CallSid } from "../domain/ids.js";
import { maskNumbers } from "../domain/mask-numbers.js";
import { maySeeNumbers, type Operator } from "../domain/operator.js";
import type { CallStore } from "../ports/store.js";
import { CSV_HEAD } from "../records/csv.js";
import { SEPARATORS } from "../records/record-texts.js";
import { parseSearch } from "../records/search-words.js";
import { callSidOf } from "./call-sid.js";
import { EXPORT, LIST, ONE, REMOVE, REMOVE_CALLER } from "./openapi/record-docs.js";
import { failure, type RouteDoc } from "./openapi/route-doc.js";
import type { OperatorRequest, OperatorRoute } from "./operator-router.js";
import { QueryFault, readCursor, readLimit, readQuery, toCaller } from "./record-query.js";
import { findCalls, inPieces, readRecords } from "./record-reader.js";
import { json, type Reply } from "./reply.js";

export interface RecordRouteParts {
  readonly store: Pick<CallStore, "find" | "load" | "writeRecords">;
  /** What this process knows of a live call, newer than the database; null = nothing. */
  readonly live: (callSid: CallSid) => CallRecord | null;
  /** Removes everything about a call, files too; false = there was nothing. */
  readonly remove: (callSid: CallSid) => Promise<boolean>;
}

/** More calls of one caller than this are exported in several answers. */
const MAX_EXPORT = 2_000;

export function recordRoutes(parts: RecordRouteParts): readonly OperatorRoute[] {
  const route = (
    method: "GET" | "DELETE",
    path: string,
    doc: RouteDoc,
    handle: (request: OperatorRequest) => Promise<Reply>,
    /** Only for an admin, and written to the audit log under this name. */
    audit?: string,
  ): OperatorRoute => ({
    method,
    path,
    access: audit === undefined ? "viewer" : "admin",
    ...(audit === undefined ? {} : { audit }),
    doc: { ...doc, answers: { 503: failure("The database is away"), ...doc.answers } },
    handle: async (request) => await answered(async () => await handle(request)),
  });
  return [
    route("GET", "/api/calls", LIST, async (request) => await listCalls(parts, request)),
    route("GET", "/api/calls/:callSid", ONE, async (request) => await oneCall(parts, request)),
    route(
      "DELETE",
      "/api/calls/:callSid",
      REMOVE,
      async ({ params }) => {
        const callSid = callSidOf(params["callSid"]);
        if (callSid === null || !(await parts.remove(callSid)))
          return json(404, { error: "not_found" });
        return { status: 204 };
      },
      "delete_call",
    ),
    route(
      "GET",
      "/api/callers/:caller",
      EXPORT,
      async (request) => await exportCaller(parts, request),
      "export_caller",
    ),
    route(
      "DELETE",
      "/api/callers/:caller",
      REMOVE_CALLER,
      async ({ params }) => await deleteCaller(parts, params["caller"] ?? ""),
      "delete_caller",
    ),
  ];
}

/** Adds the answers to a wrong query (400) and to any query while the database is away (503). */
export async function answered(work: () => Promise<Reply>): Promise<Reply> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof QueryFault) return json(400, { error: "invalid", message: error.message });
    if (error instanceof RelayError && error.code === "store_unavailable")
      return json(503, { error: error.code });
    throw error;
  }
}

async function listCalls(
  parts: RecordRouteParts,
  { operator, query, head }: OperatorRequest,
): Promise<Reply> {
  if (!maySeeNumbers(operator) && asksForNumber(query))
    return json(403, { error: "role", message: "this role may not search for numbers" });
  const limit = readLimit(query);
  const format =
    query.get("format") ?? (head.header("accept").includes("text/csv") ? "csv" : "json");
  if (format !== "csv" && format !== "json") throw new QueryFault("format must be json or csv");
  const writing = { form: format, masked: !maySeeNumbers(operator) } as const;
  const records = readRecords(parts, readQuery(query), readCursor(query), limit, writing);
  return format === "csv" ? await csvReply(records) : await jsonReply({}, records);
}

/** Lines of CSV are short, so the whole text is kept until the next page is known for the head. */
async function csvReply(records: AsyncIterable<Uint8Array | string>): Promise<Reply> {
  const texts: Uint8Array[] = [Buffer.from(CSV_HEAD)];
  let next: string | null = null;
  for await (const item of records) {
    if (typeof item === "string") next = item;
    else texts.push(item);
  }
  return {
    status: 200,
    type: "text/csv; charset=utf-8; header=present",
    body: Buffer.concat(texts),
    headers: next === null ? {} : { "X-Next-Cursor": next },
  };
}

/** `{…fields, "calls": […], "next": …}`, written part by part. */
async function jsonReply(
  fields: Readonly<Record<string, string>>,
  records: AsyncIterable<Uint8Array | string>,
): Promise<Reply> {
  async function* chunks(): AsyncGenerator<string | Uint8Array> {
    let before = JSON.stringify({ ...fields, calls: [] }).slice(0, -"]}".length);
    let next: string | null = null;
    for await (const item of records) {
      if (typeof item === "string") {
        next = item;
      } else {
        yield* inPieces(Buffer.concat([Buffer.from(before), item]));
        before = SEPARATORS.json;
      }
    }
    yield `${before === SEPARATORS.json ? "" : before}],"next":${JSON.stringify(next)}}`;
  }
  return { status: 200, type: "application/json; charset=utf-8", chunks: await begun(chunks()) };
}

/** Reads the first part: while the database is away, that fails here and can be answered. */
export async function begun<T>(parts: AsyncGenerator<T>): Promise<AsyncIterable<T>> {
  const first = await parts.next();
  async function* all(): AsyncGenerator<T> {
    if (first.done === true) return;
    yield first.value;
    yield* parts;
  }
  return all();
}

/** An operator who may not see numbers must not guess them by searching either. */
export function asksForNumber(query: URLSearchParams): boolean {
  const text = query.get("q") ?? "";
  // Reads the text as the search does, which ignores separators and other forms of digits.
  const { callSid, digits, terms } = parseSearch(text);
  const words = callSid === null ? [text, ...terms.flatMap((term) => term.words)] : [];
  const destination = toCaller(query.get("destination") ?? "");
  return (
    (query.get("from") ?? "") !== "" ||
    digits !== null ||
    words.some((word) => /\d{3}/.test(word)) ||
    maskNumbers(destination) !== destination
  );
}

async function oneCall(
  parts: RecordRouteParts,
  { operator, params }: OperatorRequest,
): Promise<Reply> {
  const callSid = callSidOf(params["callSid"]);
  if (callSid === null) return json(404, { error: "not_found" });
  const record = parts.live(callSid) ?? (await parts.store.load(callSid))?.record ?? null;
  if (record === null) return json(404, { error: "not_found" });
  return shown(record, operator);
}

/** The value as this operator may see it: people and models write phone numbers into any text. */
export function shown(value: unknown, operator: Operator): Reply {
  const reply = json(200, value);
  return { ...reply, body: masked(String(reply.body), operator) };
}

export function masked(text: string, operator: Operator): string {
  return maySeeNumbers(operator) ? text : maskNumbers(text);
}

async function exportCaller(
  parts: RecordRouteParts,
  { params, query }: OperatorRequest,
): Promise<Reply> {
  const caller = toCaller(params["caller"] ?? "");
  const writing = { form: "json", masked: false } as const;
  const records = readRecords(parts, { caller }, readCursor(query), MAX_EXPORT, writing);
  return await jsonReply({ caller }, records);
}

async function deleteCaller(parts: RecordRouteParts, text: string): Promise<Reply> {
  const caller = toCaller(text);
  let deleted = 0;
  for await (const page of findCalls(parts, { caller }, null)) {
    for (const { callSid } of page) if (await parts.remove(callSid)) deleted += 1;
  }
  return json(200, { deleted });
}
