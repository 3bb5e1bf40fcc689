import { expect, it } from "vitest";
import { OpeningConfiguration } from "../../../../src/relay/model/openai-realtime/opening-configuration.js";
import { sessionConfig } from "../../../../src/relay/model/openai-realtime/session-config.js";
import { PROFILE } from "./session-stage.js";

const fault = (param: string | null) => ({
  type: "invalid_request_error",
  code: "invalid_value",
  message: null,
  param,
  eventId: null,
});

it("leaves out one refused part after the other, and keeps the rest", () => {
  const opening = new OpeningConfiguration(sessionConfig(PROFILE));
  const first = opening.session;
  expect(opening.refused(fault("session.audio.input.transcription"))?.part).toBe("transcription");
  expect(opening.refused(fault("tools[0]"))).toMatchObject({ part: "tool", tool: "t" });
  expect(opening.reductions).toBe(2);
  expect(opening.session.tools).toEqual([]);
  expect(opening.session.audio?.input?.transcription).toBeNull();
  expect(opening.session.instructions).toBe(first.instructions);
});

it("is as it was after an error that names no part", () => {
  const opening = new OpeningConfiguration(sessionConfig(PROFILE));
  const before = opening.session;
  expect(opening.refused(fault(null))).toBeNull();
  expect(opening.refused(fault("session.audio.input.format"))).toBeNull();
  expect([opening.session, opening.reductions]).toEqual([before, 0]);
});

it("gives up on a server that refuses without end", () => {
  const tool = PROFILE.tools[0]!;
  const many = Array.from({ length: 40 }, (_, i) => ({ ...tool, name: `t${i}` }) as typeof tool);
  const opening = new OpeningConfiguration(sessionConfig({ ...PROFILE, tools: many }));
  let refusals = 0;
  while (opening.refused(fault("tools[0]")) !== null) refusals++;
  expect(refusals).toBe(16);
});
