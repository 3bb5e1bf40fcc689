import { describe, expect, it } from "vitest";
import {
  type CallbackLink,
  callbackQuery,
  callOf,
  PLAIN,
  readCallbackLink,
  readLineLink,
} from "../../../src/relay/calls/callback-link.js";
import { sid } from "../../fakes/call-bench.js";

const call = sid(1);

describe("a callback's link", () => {
  it.each<CallbackLink>([
    { kind: "conference", call },
    { kind: "model_leg", call, leg: 2 },
    { kind: "comfort", call, language: "de-DE" },
    { kind: "silence", call },
    { kind: "line_ended", call, line: "3" },
  ])("comes back as it was sent, and names its call: %j", (link) => {
    expect(readCallbackLink(callbackQuery(link))).toEqual(link);
    expect(callOf(link, {})).toBe(call);
  });

  it("of a supervisor's App is made of the participant's parameters", () => {
    expect(readLineLink({}, { call, line: "3" })).toEqual({ kind: "line", call, line: "3" });
    expect(readLineLink({}, { call: "CB1", line: "3" })).toEqual(PLAIN);
    const ended = { kind: "line_ended", call, line: "3" } as const;
    expect(readLineLink(callbackQuery(ended), { call: sid(2), line: "1" })).toEqual(ended);
  });
});
