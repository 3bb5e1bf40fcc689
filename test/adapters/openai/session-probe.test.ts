import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type SimulatedModel, startModel } from "../../../sim/model.js";
import { Network } from "../../../src/adapters/network/network.js";
import { probeSession } from "../../../src/adapters/openai/session-probe.js";
import { systemClock } from "../../../src/adapters/system/system-clock.js";
import type { RealtimeSession } from "../../../src/wire/realtime-client.js";
import { FakeLog } from "../../fakes/fake-ports.js";

const SESSION: RealtimeSession = {
  type: "realtime",
  audio: {
    input: { format: { type: "audio/pcmu" } },
    output: { format: { type: "audio/pcmu" }, voice: "marin" },
  },
};

let model: SimulatedModel;
beforeEach(async () => {
  model = await startModel({ script: { turns: [] } });
});
afterEach(() => model.close());

const probe = (session: RealtimeSession = SESSION, over: object = {}) =>
  probeSession(session, {
    url: model.url,
    model: "gpt-realtime",
    apiKey: model.apiKey,
    clock: systemClock,
    log: new FakeLog(),
    timeoutMs: 2_000,
    network: new Network(),
    ...over,
  });

describe("a probe of a session", () => {
  it("configures it, requests nothing, and closes it", async () => {
    expect(await probe()).toEqual({
      kind: "configured",
      input: "audio/pcmu",
      output: "audio/pcmu",
    });
    expect(model.violations()).toEqual([]);
  });

  it("returns the server's parameter and message", async () => {
    model.faults.refuseParts = [{ path: "audio.output.voice", message: "No such voice." }];
    expect(await probe()).toMatchObject({
      kind: "refused",
      fault: { param: "session.audio.output.voice", message: "No such voice." },
    });
  });

  it("says how the socket ended, or that there was no answer", async () => {
    model.faults.handshake = 403;
    expect(await probe()).toMatchObject({ kind: "closed", failure: { httpStatus: 403 } });
    model.faults.handshake = null;
    model.faults.withholdUpdated = true;
    expect(await probe(SESSION, { timeoutMs: 200 })).toEqual({ kind: "timeout" });
    expect(await probe(SESSION, { url: "ws://127.0.0.1:1/v1" })).toMatchObject({
      kind: "closed",
      failure: { code: 0 },
    });
  });
});
