// The calls that the screenshots show: the same in every run.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";

const ROOT = new URL("../", import.meta.url);
const FIXTURE = new URL("test/fixtures/recordings/demo-call-0.1.0.flight.jsonl.gz", ROOT);
const MINUTE_MS = 60_000;

const ASKED = [
  ["Where is my order 4217?", "It left our warehouse yesterday and arrives on Friday."],
  ["Can I change my appointment?", "Of course. Would Tuesday at ten suit you?"],
  ["I was charged twice.", "I am sorry. I see both payments, and I refund the second one."],
  ["Do you ship to Canada?", "Yes, in three to five working days."],
  ["My parcel came open.", "I am sorry to hear that. I can send you a new one today."],
  ["Is the blue one in stock?", "There are four left. Shall I keep one for you?"],
];
/** Outcome, reason, destination of a transfer. */
const ENDS = [
  ["completed", "caller_hung_up"],
  ["completed", "agent_hung_up"],
  ["transferred", "transferred", "front_desk"],
  ["completed", "caller_hung_up"],
  ["abandoned", "caller_hung_up"],
  ["failed", "upstream_unreachable", "front_desk"],
  ["completed", "idle"],
];

/**
 * Writes the calls into a journal, and the demo call's flight recording into a directory.
 *
 * @returns {Promise<{ nowMs: number, demo: string, live: string }>} when it is, and two calls by their SIDs.
 */
export async function writeCalls(journal, directory) {
  const demo = await demoCall(journal, directory);
  const nowMs = Math.ceil(demo.epochMs / MINUTE_MS) * MINUTE_MS + 12 * MINUTE_MS;
  for (let n = 0; n < 24; n++) ended(journal, n, nowMs - (n + 2) * 17 * MINUTE_MS);
  for (let n = 0; n < 7; n++) live(journal, n, nowMs - (n * 41 + 26) * 1_000);
  return { nowMs, demo: demo.callSid, live: sid(100 + 2) };
}

const sid = (n) => `CA${String(n).padStart(4, "0").repeat(8)}`;
const number = (n) => `+1555010${String(1_000 + ((n * 37) % 9_000))}`;

async function demoCall(journal, directory) {
  const { FlightReader } = await import(new URL("src/recorder/reader.ts", ROOT).href);
  const { replayPart } = await import(new URL("src/recorder/replay.ts", ROOT).href);
  const registry = new URL("src/adapters/metrics/metric-registry.ts", ROOT).href;
  const { MetricRegistry } = await import(registry);
  const lines = gunzipSync(readFileSync(FIXTURE)).toString("utf8").trimEnd().split("\n");
  const reader = new FlightReader();
  for (const line of lines) reader.line(line);
  const [part] = reader.end().parts;
  const { header } = part;
  const { callSid } = header.parties;
  const silent = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };
  await replayPart(part, {
    metrics: new MetricRegistry({ version: "0" }).metrics,
    log: silent,
    version: "0",
    journal,
  });
  writeFileSync(join(directory, `${callSid}.flight.jsonl`), `${lines.join("\n")}\n`);
  return { callSid, epochMs: header.epochMs };
}

function opened(n, epochMs, direction = "inbound") {
  const [from, to] = [number(n), "+15550001111"];
  return {
    ...{ type: "opened", epochMs, agent: n % 4 === 1 ? "sales" : "support", direction },
    ...(direction === "inbound" ? { from, to } : { from: to, to: from }),
    ...{ path: "media-stream", node: `relay-${1 + (n % 2)}` },
  };
}

/** A greeting, then questions with their answers. @returns {number} when the last answer has been heard. */
function talk(write, n, turns) {
  let atMs = 700;
  const said = (text, voiceToVoiceMs, interrupted) => {
    const itemId = `item_${n}_${atMs}`;
    const lengthMs = text.length * 60;
    const heardMs = interrupted ? Math.round(lengthMs * 0.55) : lengthMs;
    write({ type: "agent_turn", itemId, startedMs: atMs, voiceToVoiceMs });
    write({ type: "agent_text", itemId, text });
    const interruptedAtMs = interrupted ? atMs + heardMs : null;
    write({
      type: "agent_heard",
      itemId,
      endedMs: atMs + heardMs,
      heardMs,
      receivedMs: lengthMs,
      interruptedAtMs,
    });
    atMs += heardMs + 400;
  };
  said("Thank you for calling Acme. How can I help?", null, false);
  for (let turn = 0; turn < turns; turn++) {
    const [question, answer] = ASKED[(n + turn) % ASKED.length];
    const itemId = `asked_${n}_${turn}`;
    const endedMs = atMs + question.length * 55;
    write({ type: "caller_turn", itemId, startedMs: atMs, endedMs });
    write({ type: "caller_text", itemId, text: question });
    const waitMs =
      620 + ((n * 131 + turn * 71) % 480) + (n % 5 === 2 ? 1_700 : 0) + (n === 7 ? 8_000 : 0);
    if ((n + turn) % 3 === 0) {
      const outcome = n % 6 === 3 ? "timeout" : "ok";
      const tool = {
        name: "lookup_order",
        arguments: '{"query":"4217"}',
        output: '{"status":"shipped"}',
      };
      write({ type: "tool", atMs: endedMs + 310, ...tool, ms: 140, outcome });
    }
    atMs = endedMs + waitMs;
    said(answer, waitMs, (n + turn) % 4 === 2);
  }
  return atMs;
}

function ended(journal, n, epochMs) {
  const write = (event) => journal.write(sid(n), event);
  write(opened(n, epochMs, n % 6 === 4 ? "outbound" : "inbound"));
  write({ type: "stream_started", atMs: 240, streamSid: `MZ${n}` });
  const atMs = talk(write, n, 1 + (n % 4));
  const [outcome, reason, destination] = ENDS[n % ENDS.length];
  const tokens = {
    inputAudio: 900 + n * 40,
    inputText: 700,
    outputAudio: 640 + n * 30,
    outputText: 210,
    cachedAudio: 300,
    cachedText: 500,
  };
  write({ type: "usage", model: "gpt-realtime-2.1", tokens });
  if (destination !== undefined) {
    write({
      type: "transfer_requested",
      atMs: atMs + 300,
      destination,
      kind: "dial",
      reason: "asked for a person",
      summary: null,
      urgency: "medium",
      by: outcome === "failed" ? "failure" : "agent",
    });
    const answer = n === 12 ? "no_answer" : "answered";
    write({ type: "transfer_outcome", atMs: atMs + 9_000, destination, outcome: answer });
  }
  write({ type: "ended", atMs: atMs + 9_500, outcome, reason });
}

function live(journal, n, epochMs) {
  const write = (event) => journal.write(sid(100 + n), event);
  write(opened(100 + n, epochMs));
  write({ type: "stream_started", atMs: 240, streamSid: `MZ${100 + n}` });
  talk(write, 100 + n, 1 + (n % 3));
}
