import { describe, expect, it } from "vitest";
import { compare } from "../../src/recorder/compare.js";
import type { FlightLine } from "../../src/recorder/format.js";
import { readRecordedReplies } from "../../src/recorder/recorded-replies.js";

const START = { at: 0, in: "phone", event: "started", streamSid: "MZ1" };
const out = (at: number, message: object) => ({ at, out: "phone", event: "message", message });
const media = (at: number, ms: number, fill = 1) =>
  out(at, {
    event: "media",
    media: { payload: Buffer.alloc(ms * 8, fill).toString("base64") },
  });
const CLEAR = { event: "clear" };
const model = (at: number, message: object, leg = 1) => ({
  at,
  out: "model",
  leg,
  event: "message",
  message,
});
const append = (at: number, ms: number, fill = 1) =>
  model(at, {
    type: "input_audio_buffer.append",
    audio: Buffer.alloc(ms * 8, fill).toString("base64"),
  });
const replies = (...lines: readonly object[]) =>
  readRecordedReplies(lines as unknown as readonly FlightLine[]);

describe("readRecordedReplies", () => {
  it("divides audio to the phone where it is cleared, and where the stream ends", () => {
    const { streams, done, counts } = replies(
      START,
      media(10, 20),
      media(30, 20, 2),
      out(35, { event: "mark" }),
      out(40, CLEAR),
      media(50, 20),
      { ...START, at: 60 },
      media(70, 20),
    );
    const stretches = streams.map((stream) =>
      stream.stretches.map(({ atMs, ulaw, endedBy }) => [atMs, ulaw.length, endedBy]),
    );
    expect(stretches).toEqual([
      [
        [10, 320, "clear"],
        [50, 160, "end"],
      ],
      [[70, 160, "end"]],
    ]);
    expect(streams[0]?.stretches[0]?.ulaw[160]).toBe(2);
    expect(done.get("phone")).toMatchObject([{ atMs: 40, what: CLEAR }]);
    expect(counts).toEqual({ phoneIn: 0, phoneOut: 6, modelIn: 0, modelOut: 0 });
  });

  it("joins the caller's audio of each session, and keeps everything else in order", () => {
    const { appended, done, counts } = replies(
      append(1, 20),
      model(2, { type: "response.create" }),
      append(3, 20),
      model(4, { type: "session.update" }, 3),
      { at: 5, out: "host", event: "ended", reason: "x" },
      { at: 6, in: "model", leg: 1, event: "opened" },
      { at: 7, in: "phone", event: "closed", code: 1000 },
    );
    expect(appended.map(({ length }) => length)).toEqual([320]);
    expect([...done].map(([place, all]) => [place, all.map(({ what }) => what)])).toEqual([
      ["model 1", [{ type: "response.create" }]],
      ["model 3", [{ type: "session.update" }]],
      ["host", [{ event: "ended", reason: "x" }]],
    ]);
    expect(counts).toEqual({ phoneIn: 1, phoneOut: 0, modelIn: 1, modelOut: 4 });
  });

  it("puts up with audio that cannot be read", () => {
    const { streams, appended } = replies(
      START,
      out(1, { event: "media", media: null }),
      model(2, { type: "input_audio_buffer.append", audio: 7 }),
    );
    expect([streams[0]?.stretches[0]?.ulaw.length, appended[0]?.length]).toEqual([0, 0]);
  });
});

describe("compare", () => {
  const create = (id: string, at = 10) => model(at, { type: "response.create", event_id: id });
  const cut = (heardMs: number) =>
    model(20, { type: "conversation.item.truncate", item_id: "i", audio_end_ms: heardMs });
  const differences = (was: readonly object[], is: readonly object[]) =>
    compare(replies(...was), replies(...is)).differences;

  it.each<[string, readonly object[], readonly object[]]>([
    ["a cut at most 40 ms off", [cut(500)], [cut(540)]],
    [
      "a chunk more of audio before a clear",
      [START, media(1, 300), out(9, CLEAR)],
      [START, media(1, 420), out(9, CLEAR)],
    ],
    ["200 ms of caller audio that was being joined", [append(1, 400)], [append(1, 600)]],
    ["a short stretch that is missing", [START, media(1, 120)], [START]],
  ])("takes for the same: %s", (_, was, is) => {
    expect(differences(was, is)).toEqual([]);
    expect(differences(is, was)).toEqual([]);
  });

  it.each<[string, readonly object[], readonly object[], RegExp]>([
    ["a cut 41 ms off", [cut(500)], [cut(541)], /audio_end_ms: was 500, is 541/],
    ["another value", [create("a")], [create("b")], /event_id: was "a", is "b"/],
    ["something new", [], [create("a")], /model 1, at 0\.010 s: new: response\.create a/],
    ["something missing", [create("a")], [], /missing: response\.create a/],
    [
      "other audio",
      [START, media(1, 300)],
      [START, media(1, 300, 2)],
      /audio differs after 0\.000 s/,
    ],
    [
      "shorter audio",
      [START, media(1, 300)],
      [START, media(1, 179)],
      /was 0\.300 s long, is 0\.179 s/,
    ],
    ["audio that is missing", [START, media(1, 121)], [START], /audio is missing/],
    ["audio that is new", [START], [START, media(1, 121)], /new: 0\.121 s of audio/],
    ["another number of streams", [START], [START, START], /1 streams were, 2 are/],
    [
      "other caller audio",
      [append(1, 400)],
      [append(1, 400, 2)],
      /model 1: the caller's audio differs/,
    ],
    ["shorter caller audio", [append(1, 400)], [append(1, 199)], /was 0\.400 s long, is 0\.199 s/],
  ])("finds %s", (_, was, is, text) => {
    expect(differences(was, is)).toEqual([expect.stringMatching(text)]);
  });

  it("goes on behind what only one of them has", () => {
    const update = model(15, { type: "session.update" });
    expect(differences([create("a"), update, create("c")], [create("a"), create("c")])).toEqual([
      expect.stringContaining("missing: session.update"),
    ]);
  });

  it("tells of three differences of a place: one brings others after it", () => {
    const ids = ["a", "b", "c", "d", "e"];
    expect(
      differences(
        ids.map((id) => create(id)),
        ids.map((id) => create(`${id}2`)),
      ),
    ).toHaveLength(3);
  });

  it("measures how far apart in time the same things were done", () => {
    const { offMs } = compare(replies(create("a", 10)), replies(create("a", 12.5)));
    expect(offMs).toBe(2.5);
  });
});
