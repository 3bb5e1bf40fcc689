// Live calls, built from records and events. Pure: it uses neither page nor network.
import { otherParty } from "./format.js";
import { comparing } from "./trouble.js";

/**
 * @typedef {import("./api.js").CallRecord} CallRecord
 * @typedef {import("../src/domain/record-event.js").RecordEvent} RecordEvent
 * @typedef {RecordEvent & { callSid: string, at: string }} LiveEvent
 * @typedef {"ringing" | "listening" | "caller" | "thinking" | "agent" | "tool" | "transfer" | "ended"} PhaseName
 * @typedef {{ callSid: string, agent: string, number: string | null, direction: string, node: string,
 *   startedMs: number, phase: PhaseName, detail: string, wordsBy: "caller" | "agent", words: string,
 *   voiceToVoiceMs: number | null, interruptions: number, interruptedItem: string, failedTools: number, problems: number, endedMs: number | null }} Row
 */

/** An ended call stays in the list for this long. */
export const LINGER_MS = 8_000;
/** Characters of the last words. The page of the call has the whole text. */
const MAX_WORDS = 160;

/** @type {Omit<Row, "callSid" | "startedMs">} */
const NEW = {
  agent: "",
  number: null,
  direction: "inbound",
  node: "",
  phase: "ringing",
  detail: "",
  wordsBy: "agent",
  words: "",
  voiceToVoiceMs: null,
  interruptions: 0,
  interruptedItem: "",
  failedTools: 0,
  problems: 0,
  endedMs: null,
};

/** Notes that say that the model or the line to it is in trouble. */
const PROBLEMS = new Set(["comfort", "reply_asked_again", "session_lost", "session_unavailable"]);

export class LiveCalls {
  /** @type {Map<string, Row>} rows are replaced, never modified. */
  #rows = new Map();

  get size() {
    let live = 0;
    for (const row of this.#rows.values()) if (row.endedMs === null) live += 1;
    return live;
  }

  /** @param {string} callSid */
  get(callSid) {
    return this.#rows.get(callSid);
  }

  /** Replaces all rows. @param {readonly CallRecord[]} records */
  reset(records) {
    this.#rows = new Map(records.map((record) => [record.callSid, rowOf(record)]));
  }

  /** @param {LiveEvent} event */
  apply(event) {
    const known = this.#rows.get(event.callSid);
    // Late events of an ended call, for example its recording, do not bring it back.
    if (known === undefined && !BEGINS.has(event.type)) return;
    const row = known ?? { ...NEW, callSid: event.callSid, startedMs: Date.parse(event.at) };
    const change = changeBy(row, event);
    if (change !== null) this.#rows.set(event.callSid, { ...row, ...change });
  }

  /** Removes calls that ended a while ago. @param {number} nowMs @returns {boolean} whether there were any. */
  tidy(nowMs) {
    let any = false;
    for (const { callSid, endedMs } of this.#rows.values()) {
      if (endedMs === null || nowMs - endedMs < LINGER_MS) continue;
      this.#rows.delete(callSid);
      any = true;
    }
    return any;
  }

  /**
   * In the order of `sort`.
   *
   * @param {string} search text in agent, node, number, id or last words.
   * @param {number} limit
   * @param {import("./trouble.js").LiveSort} [sort]
   * @returns {{ rows: Row[], matching: number }}
   */
  find(search, limit, sort = "newest") {
    const wanted = search.trim().toLowerCase();
    const all = [...this.#rows.values()];
    const matching = wanted === "" ? all : all.filter((row) => matches(row, wanted));
    matching.sort(comparing(sort));
    return { rows: matching.slice(0, limit), matching: matching.length };
  }
}

const BEGINS = new Set([
  "opened",
  "stream_started",
  "caller_turn",
  "caller_text",
  "agent_turn",
  "agent_text",
  "agent_heard",
]);

/** @param {Row} row @param {string} wanted */
function matches({ agent, node, number, callSid, words, detail }, wanted) {
  return [agent, node, number ?? "", callSid, words, detail].some((text) =>
    text.toLowerCase().includes(wanted),
  );
}

/** @param {CallRecord} record @returns {Row} */
function rowOf(record) {
  const { transfer, turns } = record;
  const last = turns.at(-1);
  const spoken = turns.findLast(({ text }) => text !== null && text !== "");
  const interrupted = turns.filter(({ interruptedAtMs }) => interruptedAtMs !== null);
  /** @type {Pick<Row, "phase" | "detail">} */
  let now = { phase: record.answeredAt === null ? "ringing" : "listening", detail: "" };
  if (last !== undefined && last.endedMs === null) now = { phase: last.who, detail: "" };
  else if (last?.who === "caller") now = { phase: "thinking", detail: "" };
  if (transfer !== null && (transfer.outcome === null || transfer.outcome === "answered"))
    now = { phase: "transfer", detail: transfer.destination };
  return {
    ...NEW,
    ...now,
    callSid: record.callSid,
    agent: record.agent ?? "",
    number: otherParty(record),
    direction: record.direction,
    node: record.node ?? "",
    startedMs: record.startedAt === null ? 0 : Date.parse(record.startedAt),
    wordsBy: spoken?.who ?? "agent",
    words: shortened(spoken?.heardText ?? spoken?.text ?? ""),
    voiceToVoiceMs:
      turns.findLast(({ voiceToVoiceMs }) => voiceToVoiceMs !== null)?.voiceToVoiceMs ?? null,
    interruptions: interrupted.length,
    interruptedItem: interrupted.at(-1)?.itemId ?? "",
    failedTools: record.tools.filter(({ outcome }) => outcome !== "ok").length,
    problems: record.events.filter(({ name }) => PROBLEMS.has(name)).length,
    endedMs: record.endedAt === null ? null : Date.parse(record.endedAt),
  };
}

/** @param {Row} row @param {LiveEvent} event @returns {Partial<Row> | null} */
function changeBy(row, event) {
  switch (event.type) {
    case "opened":
      return {
        agent: event.agent,
        number: otherParty(event),
        direction: event.direction,
        node: event.node,
        // A second `opened` is a call that came back: it keeps its start time.
        startedMs: row.agent === "" ? event.epochMs : row.startedMs,
        endedMs: null,
        ...(row.phase === "ended" ? { phase: "listening", detail: "" } : {}),
      };
    case "stream_started":
      return { phase: "listening", detail: "", endedMs: null };
    case "caller_turn":
      return { phase: event.endedMs === null ? "caller" : "thinking", detail: "" };
    case "caller_text":
      return event.text === "" ? null : { wordsBy: "caller", words: shortened(event.text) };
    case "agent_turn":
      return {
        phase: "agent",
        detail: "",
        voiceToVoiceMs: event.voiceToVoiceMs ?? row.voiceToVoiceMs,
      };
    case "agent_text":
      return { wordsBy: "agent", words: shortened(event.text) };
    case "agent_heard": {
      const counts = event.interruptedAtMs !== null && event.itemId !== row.interruptedItem;
      return {
        ...(row.phase === "agent" ? { phase: "listening", detail: "" } : {}),
        ...(counts ? { interruptions: row.interruptions + 1, interruptedItem: event.itemId } : {}),
      };
    }
    case "tool":
      return {
        phase: "tool",
        detail: event.name,
        failedTools: row.failedTools + (event.outcome === "ok" ? 0 : 1),
      };
    case "note":
      return PROBLEMS.has(event.name) ? { problems: row.problems + 1 } : null;
    case "transfer_requested":
      return { phase: "transfer", detail: event.destination };
    case "transfer_outcome":
      return event.outcome === "answered"
        ? { phase: "transfer", detail: event.destination }
        : { phase: "listening", detail: "" };
    case "ended":
      return { phase: "ended", detail: event.outcome, endedMs: Date.parse(event.at) };
    default:
      return null;
  }
}

/** The end of a text, which is what is being said now. @param {string} text */
function shortened(text) {
  return text.length <= MAX_WORDS ? text : `…${text.slice(-MAX_WORDS)}`;
}
