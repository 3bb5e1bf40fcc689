import { describe, expect, it } from "vitest";
import {
  leaveRefusal,
  supervisorEnd,
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
const to = (destination: string) => supervisorTransfer(destination, "why", "ada") as Leaving;
const END = supervisorEnd("ada") as Leaving;

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

describe("a supervisor's command", () => {
  it("is carried out at once, without a farewell, and names the supervisor", () => {
    expect(supervisorEnd("ada")).toMatchObject({ type: "end", farewell: "none", by: "ada" });
    expect(supervisorTransfer("desk", null, "ada")).toEqual({
      type: "transfer",
      by: "ada",
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
