import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
  acceptFaults,
  CLIENT_EVENT_TYPES,
  clientEventFaults,
  SCHEMA_VERSION,
  SERVER_EVENT_TYPES,
  serverEventFaults,
} from "./openai-events.js";

const append = { type: "input_audio_buffer.append", audio: "////" };
const delta = {
  type: "response.output_audio.delta",
  event_id: "event_1",
  response_id: "resp_1",
  item_id: "item_1",
  output_index: 0,
  content_index: 0,
  delta: "////",
};

describe("the published event schemas", () => {
  it("are those of the installed package", () => {
    const path = new URL("../../node_modules/openai/package.json", import.meta.url);
    const { version } = JSON.parse(readFileSync(path, "utf8")) as { version: string };
    expect(SCHEMA_VERSION, "run scripts/generate-openai-schema.mjs").toBe(version);
  });

  it("know the events of both directions", () => {
    expect(CLIENT_EVENT_TYPES).toContain("response.create");
    expect(SERVER_EVENT_TYPES).toContain("response.mcp_call.completed");
    expect([CLIENT_EVENT_TYPES.length, SERVER_EVENT_TYPES.length]).toEqual([11, 46]);
  });

  it.each([
    [append, []],
    [{ ...append, rate: 8_000 }, ["/ must NOT have additional properties rate"]],
    [{ type: "input_audio_buffer.append" }, ["/ must have required property 'audio' audio"]],
    [{ ...append, type: "input_audio_buffer.appended" }, [/unknown event type/]],
    [
      { type: "session.update", session: { type: "realtime", temperature: 0.8 } },
      [/additional properties/],
    ],
    [
      {
        type: "session.update",
        session: { type: "realtime", audio: { input: { transcription: null } } },
      },
      [],
    ],
    ["text", [/unknown event type/]],
  ])("judge a client's event: %j", (event, faults) => {
    const found = clientEventFaults(event);
    for (const fault of faults) expect(found.join("\n")).toMatch(fault);
    if (faults.length === 0) expect(found).toEqual([]);
  });

  it.each([
    [delta, []],
    [{ ...delta, obfuscation: "x" }, []],
    [{ ...delta, item_id: undefined }, ["/ must have required property 'item_id' item_id"]],
    [{ ...delta, delta: 7 }, ["/delta must be string"]],
    [{ type: "response.audio.delta" }, [/unknown event type/]],
  ])("judge a server's event: %j", (event, faults) => {
    const found = serverEventFaults(event);
    for (const fault of faults) expect(found.join("\n")).toMatch(fault);
    if (faults.length === 0) expect(found).toEqual([]);
  });

  it("judge the session that accepts a SIP call", () => {
    expect(acceptFaults({ type: "realtime", model: "gpt-realtime-2.1" })).toEqual([]);
    expect(acceptFaults({ type: "realtime", voice: "marin" })).not.toEqual([]);
  });
});
