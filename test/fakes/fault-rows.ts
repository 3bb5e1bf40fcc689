import type { ModelFaults } from "../../sim/model/faults.js";
import type { Turn } from "../../sim/model/script.js";
import { failed, incomplete, rateLimited, stalled, writtenReply } from "../../sim/model/turns.js";
import type { CallRestFault } from "../../sim/sip/call-rest.js";
import type { Party } from "../../sim/twilio/party.js";
import type { RestFault } from "../../sim/twilio/rest.js";

/** Something that the model or Twilio does, and what it is done to: one row of docs/faults.md. */
export interface FaultRow {
  readonly group: "model" | "twilio";
  readonly what: string;
  /** In place of the answer to the caller's question, one response after the other. */
  readonly turns?: readonly (Turn | null)[];
  /** The first of `turns`, again and again. */
  readonly always?: boolean;
  readonly model?: Partial<ModelFaults>;
  /** In place of `model`, on the SIP path. */
  readonly accept?: CallRestFault;
  readonly rest?: RestFault;
  readonly callee?: Party;
  /** The caller asks no question: the fault is there from the start. */
  readonly fromStart?: boolean;
  /** The beginning of the answer is all that the model gives, and counts. */
  readonly cut?: boolean;
  /** What only one of the two paths can meet. */
  readonly only?: "media-stream" | "sip";
}

/** The text of the answer that ends a row. */
export const ANSWER = "This is the answer.";
const LONG = "This is a long answer that the model does not bring to its end, whatever it says.";
const mcp = { server: "shop", name: "stock", arguments: {} };
const transfer: Turn = {
  say: "I connect you.",
  calls: [{ name: "transfer_call", arguments: { destination: "desk" } }],
};

function model(what: string, turns: readonly (Turn | null)[], always = false): FaultRow {
  return { group: "model", what, turns, always };
}

function dies(what: string, kind: NonNullable<Turn["fault"]>["kind"]): FaultRow {
  return model(what, [{ say: LONG, fault: { afterMs: 800, kind } }]);
}

function transferMeets(what: string, more: Partial<FaultRow>): FaultRow {
  return { group: "twilio", what, turns: [transfer], ...more };
}

const noSession = { group: "model", fromStart: true } as const;

export const FAULT_ROWS: readonly FaultRow[] = [
  {
    ...noSession,
    what: "The key is wrong",
    model: { rejectSessions: "invalid_api_key" },
    accept: { operation: "accept", kind: "401", times: 100 },
  },
  {
    ...noSession,
    what: "The model does not exist",
    model: { rejectSessions: "invalid_model" },
    only: "media-stream",
  },
  {
    ...noSession,
    what: "It keeps answering 503 or 500",
    model: { handshake: 503 },
    accept: { operation: "accept", kind: "500", times: 100 },
  },
  {
    ...noSession,
    what: "It does not answer the handshake",
    model: { handshake: "silent" },
    only: "media-stream",
  },
  {
    ...noSession,
    what: "The session never begins",
    model: { withholdCreated: true },
    only: "media-stream",
  },
  dies("The connection breaks in mid-speech", "crash"),
  dies("The session hangs in mid-speech", "hang"),
  dies("The session expires", "expire"),
  dies("The session fails: server_error", "server_error"),
  dies("A response stalls in mid-speech", "stall"),
  model("A response stalls before its first sound", [stalled()]),
  model("The same, and no cancel is answered", [stalled("stall_for_good")]),
  model("No response to the caller's turn", [null]),
  model("No response, ever", [null], true),
  model("A response without output", [{}]),
  model("The server cancels the response by itself", [{ status: "cancelled", delayMs: 20 }]),
  model("A response whose audio never comes", [
    { say: { text: "Never heard.", audio: new Uint8Array(0) } },
  ]),
  model("The first sound takes 6 s", [{ say: ANSWER, delayMs: 6_000 }]),
  model("A response fails without sound", [failed()]),
  model("A response fails in mid-speech", [failed(400)]),
  model("Every response fails", [failed()], true),
  model("Rate limit, wait of 1.2 s", [rateLimited(1.2)]),
  model("Rate limit, wait of 20 s", [rateLimited(20)]),
  model("Incomplete for its tokens, without sound", [incomplete("max_output_tokens")]),
  {
    ...model("Incomplete for its content, in mid-speech", [
      incomplete("content_filter", 400, ANSWER),
    ]),
    cut: true,
  },
  model("The reply is text", [writtenReply("It left yesterday.")]),
  model("A call of a tool that the agent does not have", [
    { calls: [{ name: "unknown", arguments: {} }] },
  ]),
  model("A tool call with arguments that are not JSON", [
    { calls: [{ name: "lookup_order", arguments: "{" }] },
  ]),
  model("A tool call that is cut off", [
    {
      calls: [{ name: "lookup_order", arguments: { query: "4217" } }],
      status: "incomplete",
      delayMs: 20,
    },
  ]),
  model("A tool call in every response", [{ calls: [{ name: "unknown", arguments: {} }] }], true),
  model("An MCP call of 6 s", [{ mcp: [{ ...mcp, ms: 6_000 }] }]),
  model("An MCP call that fails", [{ mcp: [{ ...mcp, outcome: "failed" }] }]),
  model("An MCP call that wants approval", [{ mcp: [{ ...mcp, approval: true }] }]),
  transferMeets("A transfer; the person answers", {}),
  transferMeets("The person is busy", { callee: { outcome: "busy" } }),
  transferMeets("The person does not answer", { callee: { outcome: "no-answer" } }),
  transferMeets("The number cannot be reached", { callee: { outcome: "failed" } }),
  transferMeets("REST: 429, once", { rest: { operation: "calls.update", kind: "429" } }),
  transferMeets("REST: 404, once", { rest: { operation: "calls.update", kind: "404" } }),
  transferMeets("REST: 404 each time", {
    rest: { operation: "calls.update", kind: "404", times: 100 },
  }),
  transferMeets("REST: 21220, once", { rest: { operation: "calls.update", kind: "21220" } }),
  transferMeets("REST: 401 each time", {
    rest: { operation: "calls.update", kind: "401", times: 100 },
  }),
  transferMeets("REST: 500 each time", {
    rest: { operation: "calls.update", kind: "500", times: 100 },
  }),
  transferMeets("REST: 200, and nothing happens", {
    rest: { operation: "calls.update", kind: "200_ignored", times: 100 },
  }),
  transferMeets("REST: no answer", { rest: { operation: "calls.update", kind: "timeout_before" } }),
  transferMeets("REST: carried out, the answer is lost", {
    rest: { operation: "calls.update", kind: "timeout_after" },
  }),
  transferMeets("REST: the connection is cut", {
    rest: { operation: "calls.update", kind: "reset" },
  }),
  {
    group: "twilio",
    what: "REST: 500, once, when the model is called",
    rest: { operation: "participants.create", kind: "500" },
    only: "sip",
    fromStart: true,
  },
  {
    group: "twilio",
    what: "REST: 404, once, when the model is called",
    rest: { operation: "participants.create", kind: "404" },
    only: "sip",
    fromStart: true,
  },
  {
    group: "twilio",
    what: "REST: 429, once, when the model is called",
    rest: { operation: "participants.create", kind: "429" },
    only: "sip",
    fromStart: true,
  },
  {
    group: "twilio",
    what: "REST: 401 each time, when the model is called",
    rest: { operation: "participants.create", kind: "401", times: 100 },
    only: "sip",
    fromStart: true,
  },
  {
    group: "twilio",
    what: "REST: no answer, when the model is called",
    rest: { operation: "participants.create", kind: "timeout_before" },
    only: "sip",
    fromStart: true,
  },
  {
    group: "twilio",
    what: "REST: 200, and the model is not called",
    rest: { operation: "participants.create", kind: "200_ignored" },
    only: "sip",
    fromStart: true,
  },
];
