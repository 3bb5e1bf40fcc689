/** What a search finds, counted and as a file. See `docs/records.md`. */
import { maySeeNumbers } from "../domain/operator.js";
import { type CallStore, FACETS } from "../ports/store.js";
import { EXPORT_FORMATS, type ExportParts, exportCalls } from "./call-export.js";
import { COUNTS, DOWNLOAD, SUMS } from "./openapi/search-docs.js";
import type { OperatorRequest, OperatorRoute } from "./operator-router.js";
import { QueryFault, readQuery, readTime } from "./record-query.js";
import { answered, asksForNumber, shown } from "./record-routes.js";
import { json, type Reply } from "./reply.js";

export interface SearchRouteParts extends ExportParts {
  readonly store: Pick<CallStore, "find" | "writeRecords" | "count" | "sumByNode">;
}

const HOUR_MS = 3_600_000;

export function searchRoutes(
  parts: SearchRouteParts,
  epochMs: () => number,
): readonly OperatorRoute[] {
  return [
    {
      method: "GET",
      path: "/api/calls/counts",
      access: "viewer",
      doc: COUNTS,
      handle: async (request) => await answered(async () => await counts(parts, request)),
    },
    {
      method: "GET",
      path: "/api/calls/export",
      access: "viewer",
      audit: "export_calls",
      doc: DOWNLOAD,
      handle: async (request) => await answered(async () => await download(parts, request)),
    },
    {
      method: "GET",
      path: "/api/nodes/sums",
      access: "viewer",
      doc: SUMS,
      handle: async ({ query }) =>
        await answered(async () => {
          const sinceMs = readTime(query, "since") ?? epochMs() - HOUR_MS;
          const nodes = await parts.store.sumByNode(sinceMs);
          return json(200, { since: new Date(sinceMs).toISOString(), nodes });
        }),
    },
  ];
}

async function counts(
  { store }: SearchRouteParts,
  { operator, query }: OperatorRequest,
): Promise<Reply> {
  if (!maySeeNumbers(operator) && asksForNumber(query)) return MAY_NOT_SEARCH;
  const { total, counts: found } = await store.count(readQuery(query));
  const facets = FACETS.map((facet) => [
    facet,
    found[facet].map(([value, calls]) => ({ value, calls })),
  ]);
  return shown({ total, counts: Object.fromEntries(facets) }, operator);
}

async function download(
  parts: SearchRouteParts,
  { operator, query }: OperatorRequest,
): Promise<Reply> {
  if (!maySeeNumbers(operator) && asksForNumber(query)) return MAY_NOT_SEARCH;
  const wanted = query.get("format") ?? "csv";
  const format = EXPORT_FORMATS.find((one) => one === wanted);
  if (format === undefined)
    throw new QueryFault(`format must be one of ${EXPORT_FORMATS.join(", ")}`);
  return await exportCalls(parts, { ...readQuery(query), state: "ended" }, format, operator);
}

export const MAY_NOT_SEARCH = json(403, {
  error: "role",
  message: "this role may not search for numbers",
});
