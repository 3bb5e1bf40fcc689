/** What ended calls are counted by, in one column, and the index from which they are counted. */
import type { Migration } from "./migration.js";

/** In this order in the list `facets`. */
export const FACET_COLUMNS = ["agent", "outcome", "end_reason", "destination", "node"] as const;

const COLUMNS = FACET_COLUMNS.join(", ");
/** What a count may compare beside the facets. */
const COMPARED = "latency_ms, duration_ms, cost_usd, interruptions, caller";

export const COUNT_MIGRATION: Migration = {
  name: "0008-counts",
  statements: [
    // A JSON list. Grouping by one text takes a third of the time of grouping by eight columns.
    "alter table call_search add column facets text not null default '[]'",
    {
      sqlite: `update call_search set facets =
        json_array(${COLUMNS}, interruptions > 0, failed_tools > 0, flags)`,
      postgres: `update call_search set facets = cast(jsonb_build_array(${COLUMNS},
        cast(interruptions > 0 as integer), cast(failed_tools > 0 as integer), flags) as text)`,
    },
    { sqlite: "drop index call_search_counts" },
    {
      // In the order in which calls are counted.
      sqlite: `create index call_search_by_facets on call_search (
        facets, started_ms, ${COMPARED}, from_number, to_number, call_sid, id)`,
      postgres: `create index call_search_by_facets on call_search (started_ms)
        include (facets, ${COMPARED})`,
    },
    {
      // With 128 bytes also short columns went to the table beside this one.
      postgres: "alter table call_search set (toast_tuple_target = 512)",
    },
  ],
};
