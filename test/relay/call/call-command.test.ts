import { describe, expect, it } from "vitest";
import {
  leaveRefusal,
  SUPERVISOR_END,
  supervisorTransfer,
} from "../../../src/relay/call/call-command.js";
import type { CallState } from "../../../src/relay/call/call-events.js";
import { agent } from "../../fakes/call-bench.js";

const LEAVES: readonly CallState["name"][] = ["connecting", "talking", "redialing", "leaving"];
const STAYS: readonly CallState["name"][] = [
  "offered",
  "handing_over",
  "returning",
  "closing",
  "ended",
];
const refusal = (name: CallState["name"], command: Parameters<typeof leaveRefusal>[1]) =>
  leaveRefusal({ name } as CallState, command, agent());
type Leaving = Parameters<typeof leaveRefusal>[1];
const to = (destination: string) => supervisorTransfer(destination, "why") as Leaving;
const END = SUPERVISOR_END as Leaving;

describe("leaveRefusal", () => {
  it.each(LEAVES)("lets a caller leave who is %s, for a known destination", (name) => {
    expect([refusal(name, END), refusal(name, to("desk")), refusal(name, to("moon"))]).toEqual([
      null,
      null,
      "destination_unknown",
    ]);
  });

  it.each(STAYS)("keeps a call that is %s, whatever is asked", (name) => {
    expect([refusal(name, END), refusal(name, to("desk")), refusal(name, to("moon"))]).toEqual([
      "not_live",
      "not_live",
      "not_live",
    ]);
  });
});

describe("a supervisor's transfer", () => {
  it("goes at once, without a farewell, and with the supervisor's reason", () => {
    expect(supervisorTransfer("desk", null)).toEqual({
      type: "transfer",
      farewell: "none",
      request: {
        destination: "desk",
        reason: null,
        summary: null,
        urgency: null,
        by: "supervisor",
      },
    });
  });
});
