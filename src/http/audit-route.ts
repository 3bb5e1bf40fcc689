/** `GET /api/audit`: what operators did, newest first. See `docs/console.md`. */
import { RelayError } from "../domain/errors.js";
import type { AuditCursor, AuditEntry } from "../ports/store.js";
import type { AuditLog } from "../records/audit-log.js";
import { callSidOf } from "./call-sid.js";
import {
  BOOLEAN,
  failure,
  listOf,
  nullable,
  object,
  oneOf,
  type RouteDoc,
  STRING,
} from "./openapi/route-doc.js";
import type { OperatorRoute } from "./operator-router.js";
import { QueryFault, readLimit, readTime, readYesNo, withoutNulls } from "./record-query.js";
import { json, type Reply } from "./reply.js";

const ENTRY = object({
  at: { type: "string", format: "date-time" },
  operator: STRING,
  role: oneOf("viewer", "supervisor", "admin"),
  action: STRING,
  callSid: nullable(STRING),
  status: { type: "integer" },
});

const DOC: RouteDoc = {
  summary: "What operators did, newest first",
  query: {
    callSid: { description: "Only acts on this call" },
    operator: { description: "Only acts of this operator" },
    action: { description: "Only acts of this kind, as `transfer`" },
    refused: {
      description: "true: only acts that were refused or failed; false: only the others",
      schema: BOOLEAN,
    },
    since: { description: "Only acts at or after this time (ISO 8601)" },
    until: { description: "Only acts before this time (ISO 8601)" },
    limit: { description: "1 to 500; default 50", schema: { type: "integer" } },
    before: { description: "The `next` of the answer before" },
  },
  answers: {
    200: {
      description: "The acts, and where the next page begins",
      schema: object({ entries: listOf(ENTRY), next: nullable(STRING) }),
    },
    400: failure("A parameter cannot be understood"),
    503: failure("The database is away"),
  },
};

export function auditRoute(audit: Pick<AuditLog, "find">): OperatorRoute {
  return {
    method: "GET",
    path: "/api/audit",
    access: "admin",
    doc: DOC,
    handle: async ({ query }) => {
      try {
        return await answer(audit, query);
      } catch (error) {
        if (error instanceof QueryFault)
          return json(400, { error: "invalid", message: error.message });
        if (error instanceof RelayError && error.code === "store_unavailable")
          return json(503, { error: error.code });
        throw error;
      }
    },
  };
}

async function answer(audit: Pick<AuditLog, "find">, query: URLSearchParams): Promise<Reply> {
  const limit = readLimit(query);
  const wanted = query.get("callSid");
  const callSid = wanted === null ? null : callSidOf(wanted);
  if (wanted !== null && callSid === null) throw new QueryFault("callSid must be the id of a call");
  const filter = withoutNulls({
    callSid,
    operator: query.get("operator"),
    action: query.get("action"),
    refused: readYesNo(query, "refused"),
    sinceMs: readTime(query, "since"),
    untilMs: readTime(query, "until"),
  });
  const found = await audit.find(filter, readPlace(query), limit + 1);
  const entries = found.slice(0, limit);
  const last = entries.at(-1);
  const next = found.length > limit && last !== undefined ? placeOf(last) : null;
  return json(200, { entries: entries.map(shown), next });
}

function shown({ epochMs, operator, role, action, callSid, status }: AuditEntry) {
  return { at: new Date(epochMs).toISOString(), operator, role, action, callSid, status };
}

function placeOf({ epochMs, id }: AuditCursor): string {
  return Buffer.from(`${epochMs}-${id}`).toString("base64url");
}

function readPlace(query: URLSearchParams): AuditCursor | null {
  const text = query.get("before");
  if (text === null || text === "") return null;
  const place = /^(\d{1,15})-(.+)$/.exec(Buffer.from(text, "base64url").toString("latin1"));
  if (place?.[2] === undefined)
    throw new QueryFault("before must be the `next` of an earlier answer");
  return { epochMs: Number(place[1]), id: place[2] };
}
