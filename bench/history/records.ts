/** Call records that look like those of a support line, the same in every run with the same seed. */
import type { CallRecord, RecordedTurn } from "../../src/domain/call-record.js";
import type { CallSid, ItemId } from "../../src/domain/ids.js";
import { emptyRecord } from "../../src/records/record.js";
import { Random } from "../random.js";
import { frequentWords, rareWords } from "./words.js";

const AGENTS = ["support", "sales", "billing", "booking", "returns"];
const NODES = ["node-a", "node-b", "node-c"];
const DESTINATIONS = ["front_desk", "billing", "queue", "experts", "warm_desk"];
const TOOLS = ["lookup_order", "book_appointment", "refund", "find_branch"];
const END_REASONS = {
  completed: ["agent_ended", "caller_hung_up"],
  transferred: ["transferred"],
  abandoned: ["caller_hung_up", "silence"],
  failed: ["session_lost", "model_unavailable", "process_lost", "lost_stream"],
  rejected: ["full", "draining"],
} as const;
type Outcome = keyof typeof END_REASONS;
/** Out of 100 calls. */
const OUTCOMES: readonly Outcome[] = [
  ...Array<Outcome>(62).fill("completed"),
  ...Array<Outcome>(24).fill("transferred"),
  ...Array<Outcome>(9).fill("abandoned"),
  ...Array<Outcome>(4).fill("failed"),
  "rejected",
];
const DAYS = 180;
const DAY_MS = 86_400_000;
/** The newest call of the data began about here. */
export const NEWEST_MS = Date.UTC(2026, 10, 29, 18);

/** The n-th of `count` calls, oldest first. */
export function historyCall(n: number, count: number, seed: number): CallRecord {
  const random = new Random(seed * 1_000_003 + n);
  const startedMs = Math.floor(
    NEWEST_MS - ((count - n) / count) * DAYS * DAY_MS - random.between(0, 60_000),
  );
  const outcome = random.pick(OUTCOMES);
  const turns = outcome === "rejected" ? [] : conversation(random);
  const seconds = (turns.at(-1)?.endedMs ?? 0) / 1_000 + random.between(1, 9);
  const at = (ms: number) => new Date(startedMs + ms).toISOString();
  return {
    ...emptyRecord(historySid(n)),
    state: "ended",
    node: random.pick(NODES),
    agent: random.pick(AGENTS),
    direction: random.chance(0.9) ? "inbound" : "outbound",
    from: `+1${String(2_125_550_000 + random.below(40_000)).padStart(10, "0")}`,
    to: "+12125550100",
    path: random.chance(0.95) ? "media-stream" : "sip",
    startedAt: at(0),
    answeredAt: at(600),
    endedAt: at(Math.round(seconds * 1_000)),
    outcome,
    endReason: random.pick(END_REASONS[outcome]),
    transfer: outcome === "transferred" ? transfer(random) : null,
    turns,
    tools: turns.length === 0 ? [] : tools(random),
    costUsd: Math.round(seconds * random.between(0.0004, 0.0011) * 1e6) / 1e6,
  };
}

export function historySid(n: number): CallSid {
  return `CA${n.toString(16).padStart(32, "0")}` as CallSid;
}

function conversation(random: Random): RecordedTurn[] {
  const turns: RecordedTurn[] = [];
  let atMs = 700;
  const count = random.within([2, 14]);
  for (let n = 0; n < count; n++) {
    const isAgent = n % 2 === 0;
    const text = sentence(random, isAgent ? random.within([12, 45]) : random.within([4, 30]));
    const lengthMs = text.length * 65;
    const isCut = isAgent && random.chance(0.12);
    const heardMs = isCut ? Math.round(lengthMs * random.between(0.2, 0.9)) : lengthMs;
    // Now and then a caller waits for long.
    const pauseMs = Math.round(random.chance(0.01) ? random.between(4_000, 12_000) : 350);
    const latencyMs = Math.round(550 + Math.exp(random.gauss() * 0.7) * 260);
    atMs += pauseMs + (isAgent ? latencyMs : 0);
    turns.push({
      who: isAgent ? "agent" : "caller",
      itemId: `item_${n}` as ItemId,
      text,
      heardText: isAgent ? text.slice(0, Math.round((text.length * heardMs) / lengthMs)) : null,
      startedMs: atMs,
      endedMs: atMs + heardMs,
      heardMs: isAgent ? heardMs : null,
      receivedMs: isAgent ? lengthMs : null,
      interruptedAtMs: isCut ? atMs + heardMs : null,
      voiceToVoiceMs: isAgent && n > 0 ? latencyMs : null,
      complete: true,
    });
    atMs += heardMs;
  }
  return turns;
}

/** Frequent words, and some that few calls have. */
function sentence(random: Random, words: number): string {
  const said = Array.from({ length: words }, () =>
    random.chance(0.06)
      ? random.pick(rareWords)
      : // Some words are said far more often than others.
        (frequentWords[Math.floor(random.next() ** 2 * frequentWords.length)] ?? "order"),
  );
  return `${said.join(" ")}.`;
}

function tools(random: Random): CallRecord["tools"] {
  return Array.from({ length: random.below(4) }, (_, n) => ({
    name: random.pick(TOOLS),
    atMs: 4_000 * (n + 1),
    arguments: JSON.stringify({ query: String(random.below(90_000) + 10_000) }),
    output: JSON.stringify({ found: random.chance(0.8), items: [random.pick(rareWords)] }),
    ms: Math.round(random.between(40, 2_500)),
    outcome: random.chance(0.05) ? random.pick(["error", "timeout"] as const) : ("ok" as const),
  }));
}

function transfer(random: Random): CallRecord["transfer"] {
  const answered = random.chance(0.85);
  return {
    destination: random.pick(DESTINATIONS),
    kind: "dial",
    reason: sentence(random, 5),
    summary: sentence(random, 14),
    urgency: "medium",
    by: "agent",
    requestedMs: 30_000,
    outcome: answered ? "answered" : random.pick(["busy", "no_answer", "failed"] as const),
    steps: [],
  };
}
