/** The tables of reviews, and indexes for searching and counting among many ended calls. */
import type { Migration } from "./migration.js";

const REMOVE_REVIEW = ["call_reviews", "call_tags", "call_notes"]
  .map((table) => `delete from ${table} where call_sid = old.call_sid;`)
  .join("\n");

/** What a search compares. With all of it in an index, nothing else is read. */
const COMPARED = `interruptions, failed_tools, flags, latency_ms, duration_ms, cost_usd, caller,
  from_number, to_number, bytes`;

export const REVIEW_MIGRATION: Migration = {
  name: "0007-reviews",
  statements: [
    "alter table call_search add column node text",
    "alter table call_search add column flags integer not null default 0",
    "alter table call_search add column rules integer not null default 0",
    "create index call_search_by_rules on call_search (rules)",
    {
      sqlite: `create index call_search_scan on call_search (
        started_ms, call_sid, agent, outcome, end_reason, destination, node, ${COMPARED}, id)`,
      postgres: `create index call_search_scan on call_search (started_ms, call_sid)
        include (agent, outcome, end_reason, destination, node, ${COMPARED})`,
    },
    {
      // In the order in which calls are counted.
      sqlite: `create index call_search_counts on call_search (
        agent, outcome, end_reason, destination, node, started_ms, call_sid, ${COMPARED}, id)`,
    },
    "create index calls_by_age on calls (state, started_ms, call_sid)",
    "create index calls_by_caller on calls (caller, started_ms, call_sid)",
    // Records are large: what a list compares is in the index, so that only found rows are read.
    "create index calls_by_agent on calls (agent, started_ms, call_sid, outcome, state)",
    "create index calls_by_outcome on calls (outcome, started_ms, call_sid, agent, state)",
    `create table call_reviews (
      call_sid text primary key, rating integer, rated_by text, done_ms bigint, done_by text)`,
    "create index call_reviews_by_rating on call_reviews (rating, call_sid)",
    `create table call_tags (
      call_sid text not null, tag text not null, primary key (call_sid, tag))`,
    "create index call_tags_by_tag on call_tags (tag, call_sid)",
    `create table call_notes (
      id text primary key, call_sid text not null, at_ms bigint not null, operator text not null,
      text text not null)`,
    "create index call_notes_by_call on call_notes (call_sid, at_ms)",
    {
      sqlite: `create trigger call_review_removed after delete on calls
        begin ${REMOVE_REVIEW} end`,
      postgres: `create function murelay_call_review_removed() returns trigger language plpgsql as $$
        begin
          ${REMOVE_REVIEW}
          return null;
        end $$`,
    },
    {
      postgres: `create trigger call_review_removed after delete on calls
        for each row execute function murelay_call_review_removed()`,
    },
    "create index audit_by_operator on audit (operator, at_ms, id)",
    "create index audit_by_action on audit (action, at_ms, id)",
  ],
};
