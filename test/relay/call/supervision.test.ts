import { describe, expect, it } from "vitest";
import type { CallState, Disposition } from "../../../src/relay/call/call-events.js";
import { type SupervisorAct, supervise } from "../../../src/relay/call/supervision.js";
import { agent } from "../../fakes/call-bench.js";

const TRANSFER: SupervisorAct = {
  type: "transfer",
  farewell: "none",
  by: "ada",
  request: { destination: "desk", reason: null, summary: null, urgency: null, by: "supervisor" },
};

function call(changes: { name?: string; session?: null; takenOver?: boolean } = {}) {
  const done: string[] = [];
  const { name = "talking" } = changes;
  return {
    done,
    state: { name } as CallState,
    agent: agent(),
    isWithAgent: ["connecting", "talking", "redialing"].includes(name),
    isTalking: name === "talking",
    takeover: {
      isModelOut: changes.takenOver ?? false,
      begin: (by: string, listener: number) => {
        done.push(`taken over by ${by} ${listener}`);
        return null;
      },
      handBack: (reason: string, note: string | null) => {
        done.push(`handed back ${reason} ${note}`);
        return null;
      },
      voice: (listener: number, base64: string) => void done.push(`voice ${listener} ${base64}`),
    },
    session: changes.session === null ? null : {},
    noteModel: (text: string) => void done.push(`told ${text.length > 0}`),
    eventLog: {
      note: (event: string, fields: object = {}) =>
        void done.push(`${event} ${Object.keys(fields).join()}`),
      remember: () => void done.push("remembered"),
    },
    ask: () => void done.push("asked"),
    leave: ({ kind }: Disposition) => void done.push(`left by ${kind}`),
  };
}

describe("what a supervisor does", () => {
  const note: SupervisorAct = { type: "note", text: "A vip.", by: "ada" };
  const say: SupervisorAct = { type: "say", text: "We pay.", by: "ada" };
  const end: SupervisorAct = { type: "end", reason: "supervisor", farewell: "none", by: "ada" };

  it.each([
    ["a note", note, {}, ["remembered", "told true", "supervisor_note by,text"]],
    [
      "a note while the model is dialled again",
      note,
      { name: "redialing", session: null },
      ["remembered", "told true", "supervisor_note by,text"],
    ],
    [
      "a note while a supervisor speaks",
      note,
      { session: null, takenOver: true },
      ["remembered", "told true", "supervisor_note by,text"],
    ],
    ["a take-over", { type: "take_over", by: "ada", listener: 3 }, {}, ["taken over by ada 3"]],
    [
      "a supervisor's voice",
      { type: "supervisor_audio", listener: 3, base64: "/w==" },
      {},
      ["voice 3 /w=="],
    ],
    [
      "a hand-back",
      { type: "hand_back", by: "ada", reason: "asked", note: "Refund." },
      {},
      ["handed back asked Refund."],
    ],
    ["words to say", say, {}, ["asked", "supervisor_say by,text"]],
    ["an end", end, {}, ["supervisor_end by", "left by end"]],
    ["a transfer", TRANSFER, {}, ["supervisor_transfer by", "left by transfer"]],
    [
      "a transfer that no operator asked for",
      { ...TRANSFER, by: undefined } as unknown as SupervisorAct,
      {},
      ["left by transfer"],
    ],
  ] as const)("%s is carried out and recorded", (_, act, changes, done) => {
    const one = call(changes);
    expect(supervise(one, act)).toBeNull();
    expect(one.done).toEqual(done);
  });

  it.each([
    ["a note after the end", note, { name: "ended" }, "not_live"],
    [
      "words to say while the model is dialled again",
      say,
      { name: "redialing", session: null },
      "not_live",
    ],
    ["words to say in a farewell", say, { name: "leaving" }, "not_live"],
    ["an end after the end", end, { name: "ended" }, "not_live"],
  ] as const)("%s is refused and leaves no trace", (_, act, changes, refusal) => {
    const one = call(changes);
    expect(supervise(one, act)).toBe(refusal);
    expect(one.done).toEqual([]);
  });
});
