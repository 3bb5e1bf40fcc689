/**
 * The tables of the search over ended calls. Triggers note which calls have changed, so that calls
 * saved by a node of an earlier release are found too.
 */
import type { Migration } from "./migration.js";

const COLUMNS = `started_ms bigint not null, duration_ms bigint, agent text, outcome text,
  end_reason text, caller text, from_number text, to_number text, destination text,
  latency_ms bigint, interruptions integer not null, failed_tools integer not null,
  cost_usd double precision, bytes integer not null`;

const NOTE_CHANGE = `insert into search_pending (call_sid) values (new.call_sid)
  on conflict (call_sid) do nothing`;

export const SEARCH_MIGRATION: Migration = {
  name: "0005-search",
  statements: [
    {
      // The words are in `call_words`, under the same id.
      sqlite: `create table call_search (
        id integer primary key, call_sid text not null unique, ${COLUMNS})`,
      postgres: `create table call_search (
        call_sid text primary key, ${COLUMNS}, words tsvector not null)
        with (toast_tuple_target = 128)`,
    },
    "create index call_search_by_start on call_search (started_ms, call_sid)",
    "create index call_search_by_latency on call_search ((coalesce(latency_ms, -1)), call_sid)",
    "create index call_search_by_duration on call_search ((coalesce(duration_ms, -1)), call_sid)",
    "create index call_search_by_cost on call_search ((coalesce(cost_usd, -1)), call_sid)",
    "create index call_search_by_interruptions on call_search (interruptions, call_sid)",
    "create table search_pending (call_sid text primary key)",
    {
      // The words are split by this program: "remove_diacritics 0" leaves them as they are.
      sqlite: `create virtual table call_words using fts5 (
        words, content = '', contentless_delete = 1, prefix = '2 3',
        tokenize = "unicode61 remove_diacritics 0")`,
      postgres: "create index call_search_by_words on call_search using gin (words)",
    },
    {
      sqlite: `create trigger calls_inserted after insert on calls when new.state = 'ended'
        begin ${NOTE_CHANGE}; end`,
      postgres: `create function murelay_call_changed() returns trigger language plpgsql as $$
        begin
          if new.state = 'ended' then ${NOTE_CHANGE}; end if;
          return null;
        end $$`,
    },
    {
      sqlite: `create trigger calls_updated after update on calls when new.state = 'ended'
        begin ${NOTE_CHANGE}; end`,
      postgres: `create trigger calls_changed after insert or update on calls
        for each row execute function murelay_call_changed()`,
    },
    {
      sqlite: `create trigger calls_removed after delete on calls
        begin
          delete from search_pending where call_sid = old.call_sid;
          delete from call_words where rowid in (
            select id from call_search where call_sid = old.call_sid);
          delete from call_search where call_sid = old.call_sid;
        end`,
      postgres: `create function murelay_call_removed() returns trigger language plpgsql as $$
        begin
          delete from search_pending where call_sid = old.call_sid;
          delete from call_search where call_sid = old.call_sid;
          return null;
        end $$`,
    },
    {
      // A part of the index is written anew when 1 % of its calls were deleted, instead of 10 %:
      // until then it contains their words.
      sqlite: "insert into call_words (call_words, rank) values ('deletemerge', 1)",
      postgres: `create trigger calls_removed after delete on calls
        for each row execute function murelay_call_removed()`,
    },
    "insert into search_pending (call_sid) select call_sid from calls where state = 'ended'",
  ],
};
