import { describe, expect, it } from "vitest";
import { agentOf, FlightReader, type FlightRecording } from "../../src/recorder/reader.js";

const HEADER = {
  at: 0,
  is: "call",
  format: 1,
  murelay: "1.0.0",
  node: "n",
  epochMs: 0,
  asksCrm: false,
  parties: {},
  agent: { name: "support", languages: [["es", {}]], transfer: { destinations: [["desk", {}]] } },
  settings: {},
};
const TICK = { at: 20, in: "clock", event: "tick" };
const CLOSE = { at: 30, out: "phone", event: "close", code: 1000 };

function read(...lines: readonly (object | string)[]): FlightRecording {
  const reader = new FlightReader();
  for (const line of lines) reader.line(typeof line === "string" ? line : JSON.stringify(line));
  return reader.end();
}
const timesOf = ({ parts }: FlightRecording) => parts.map(({ lines }) => lines.map(({ at }) => at));

describe("a flight recording", () => {
  it("is read as the lines of each part, without empty lines", () => {
    const recording = read(HEADER, "", TICK, CLOSE, "  ");
    expect(recording).toMatchObject({ cutOff: false, parts: [{ header: HEADER }] });
    expect(timesOf(recording)).toEqual([[20, 30]]);
  });

  it("keeps what came in byte for byte, and parses what went out", () => {
    const text = '{"event":"mark",  "mark":{"name":"1:2"},"n":1.0}';
    const [input, output] = read(
      HEADER,
      `{"at":1,"in":"phone","message":${text}}`,
      `{"at":2,"out":"phone","message":${text}}`,
    ).parts[0]!.lines as unknown as readonly [{ message: Uint8Array }, { message: object }];
    expect(new TextDecoder().decode(input.message)).toBe(text);
    expect(output.message).toEqual(JSON.parse(text));
  });

  it("keeps the bytes of a message that was no JSON", () => {
    const bytes = Uint8Array.of(0xff, 0x00, 0x7b);
    const [line] = read(HEADER, {
      at: 1,
      in: "model",
      leg: 1,
      bytes: Buffer.from(bytes).toString("base64"),
    }).parts[0]!.lines;
    expect(line).toMatchObject({ event: "message", message: bytes });
  });

  it("goes on in a part of its own where another process took the call up", () => {
    const writer = (name: string) => ({ at: 0, is: "writer", writer: name });
    const recording = read(
      writer("a"),
      HEADER,
      { ...TICK, at: 1 },
      writer("b"),
      HEADER,
      { ...TICK, at: 2 },
      writer("a"),
      { ...TICK, at: 3 },
    );
    expect(timesOf(recording)).toEqual([[1, 3], [2]]);
  });

  it("that was cut off in its last line ends before its last input", () => {
    const recording = read(HEADER, TICK, { ...CLOSE, at: 25 }, { ...TICK, at: 40 }, '{"at":41,"o');
    expect(recording.cutOff).toBe(true);
    expect(timesOf(recording)).toEqual([[20, 25]]);
  });

  it("that was cut off goes on where another process took the call up", () => {
    const writer = (name: string) => ({ at: 0, is: "writer", writer: name });
    const before = [writer("a"), HEADER, TICK, { ...TICK, at: 40 }, '{"at":41,"o', ""];
    const recording = read(...before, writer("b"), HEADER, { ...TICK, at: 2 });
    expect(recording.cutOff).toBe(true);
    expect(timesOf(recording)).toEqual([[20], [2]]);
    expect(() => read(...before, { ...TICK, at: 50 })).toThrow(/line 5 is not JSON/);
  });

  it.each([
    ["is empty", [], /it is empty/],
    ["has no beginning", [TICK], /line 1 is of a recording whose beginning/],
    ["is of another format", [{ ...HEADER, format: 2 }], /line 1 is of format 2; .* reads 1/],
    ["lacks its agent", [{ ...HEADER, agent: undefined }], /line 1 .* lacks its agent/],
    ["is broken before its last line", [HEADER, "oops", TICK], /line 2 is not JSON/],
    ["has a line without a time", [HEADER, { in: "clock" }, TICK], /line 2 has no time/],
    ["has a line that is neither in nor out", [HEADER, { at: 1 }], /line 2 is neither/],
    ["has a line that is both", [HEADER, { at: 1, in: "a", out: "b" }], /line 2 is neither/],
  ])("is refused with the line at fault when it %s", (_, lines, problem) => {
    expect(() => read(...lines)).toThrow(problem);
  });
});

describe("agentOf", () => {
  it("makes maps of the pairs, and gives an older agent the settings of its time", () => {
    const agent = agentOf(read(HEADER).parts[0]!.header);
    expect(agent).toMatchObject({ name: "support", timeZone: null, replyTimeoutMs: 4_000 });
    expect([...agent.languages.keys(), ...agent.transfer.destinations.keys()]).toEqual([
      "es",
      "desk",
    ]);
    const newer = { ...HEADER, agent: { ...HEADER.agent, timeZone: "UTC", replyTimeoutMs: 9 } };
    expect(agentOf(read(newer).parts[0]!.header)).toMatchObject({
      timeZone: "UTC",
      replyTimeoutMs: 9,
    });
  });
});
