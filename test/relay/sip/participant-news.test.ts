import { expect, it } from "vitest";
import { participantNews } from "../../../src/relay/sip/participant-news.js";
import { sid } from "../../fakes/call-bench.js";

const CALLER = sid(1);

it.each([
  [{ StatusCallbackEvent: "participant-join", CallSid: CALLER }, ["caller", true, false]],
  [
    { StatusCallbackEvent: "participant-join", ParticipantLabel: "customer" },
    ["caller", true, false],
  ],
  [
    {
      StatusCallbackEvent: "participant-leave",
      CallSid: CALLER,
      ReasonParticipantLeft: "participant_hung_up",
    },
    ["caller", false, true],
  ],
  [
    {
      StatusCallbackEvent: "participant-leave",
      ParticipantLabel: "virtual agent",
      CallSid: sid(9),
    },
    ["model", false, false],
  ],
] as const)("%j is news of %j", (form, [who, joined, hungUp]) => {
  expect(participantNews(form, CALLER)).toEqual({ who, joined, hungUp });
});

it.each([
  { StatusCallbackEvent: "conference-start", CallSid: CALLER },
  { StatusCallbackEvent: "participant-join", ParticipantLabel: "human-1", CallSid: sid(9) },
  { CallSid: CALLER },
  {},
])("%j is no news", (form) => {
  expect(participantNews(form, CALLER)).toBeNull();
});
