import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { WireError } from "../../src/domain/errors.js";
import { sameBytes } from "../../src/wire/json-scan.js";
import { parseServerEvent } from "../../src/wire/realtime.js";
import { AppendWriter, DeltaScan, scanDelta } from "../../src/wire/realtime-audio.js";
import {
  bytesOf,
  hasDoubledKey,
  isPlain,
  member,
  type Spelling,
  spelledObject,
  spelledString,
  spoiled,
} from "./json-text.js";

interface Found {
  readonly kind: "audio" | "transcript";
  readonly responseId: string;
  readonly itemId: string;
  readonly contentIndex: number;
  readonly delta: string;
}

function fast(bytes: Uint8Array): Found | null {
  const out = new DeltaScan();
  if (!scanDelta(bytes, out)) return null;
  const text = (start: number, end: number) =>
    Buffer.from(bytes.subarray(start, end)).toString("latin1");
  return {
    kind: out.kind,
    responseId: text(out.responseIdStart, out.responseIdEnd),
    itemId: text(out.itemIdStart, out.itemIdEnd),
    contentIndex: out.contentIndex,
    delta: text(out.deltaStart, out.deltaEnd),
  };
}

function slow(bytes: Uint8Array): Found | null {
  try {
    const event = parseServerEvent(bytes);
    if (
      event.type !== "response.output_audio.delta" &&
      event.type !== "response.output_audio_transcript.delta"
    )
      return null;
    const { responseId, itemId, contentIndex, delta } = event;
    const kind = event.type === "response.output_audio.delta" ? "audio" : "transcript";
    return { kind, responseId, itemId, contentIndex, delta };
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    return null;
  }
}

const string = (text: fc.Arbitrary<string>): Spelling => text.chain(spelledString);
const mostly = (value: Spelling): Spelling =>
  fc.oneof(
    { weight: 60, arbitrary: value },
    { weight: 1, arbitrary: fc.constantFrom("1", "null", "{}", '""') },
  );
const id = fc.oneof(
  {
    weight: 60,
    arbitrary: fc.string({ unit: fc.constantFrom(..."abcXYZ019_"), minLength: 1, maxLength: 24 }),
  },
  { weight: 1, arbitrary: fc.constant("x".repeat(513)) },
);
const index: Spelling = fc.oneof(
  { weight: 60, arbitrary: fc.nat({ max: 12 }).map(String) },
  {
    weight: 1,
    arbitrary: fc.constantFrom("-1", "0.0", "1e0", "1.5", "-0", '"0"', "007", "9007199254740993"),
  },
);

const event: fc.Arbitrary<Uint8Array> = spelledObject([
  member(
    "type",
    mostly(
      string(
        fc.oneof(
          { weight: 20, arbitrary: fc.constant("response.output_audio.delta") },
          { weight: 10, arbitrary: fc.constant("response.output_audio_transcript.delta") },
          fc.constantFrom("response.output_audio.done", "response.output_text.delta"),
        ),
      ),
    ),
  ),
  member("event_id", string(id)),
  member("response_id", mostly(string(id))),
  member("item_id", mostly(string(id))),
  member("output_index", index),
  member("content_index", mostly(index)),
  member(
    "delta",
    mostly(string(fc.uint8Array({ maxLength: 300 }).map((b) => Buffer.from(b).toString("base64")))),
  ),
]).map(bytesOf);

const KNOWN_KEYS = ["type", "response_id", "item_id", "content_index", "delta"];

/** Spelled so simply that the scanner has no right to leave it to the parser. */
function mustBeFast(bytes: Uint8Array): boolean {
  const text = Buffer.from(bytes).toString("latin1");
  const oddNumber = /"content_index"\s*:\s*[0-9]*[.eE-]/.test(text);
  // The server names it always.
  const hasIndex = /"content_index"\s*:\s*\d/.test(text);
  return (
    isPlain(bytes) && hasIndex && !oddNumber && !KNOWN_KEYS.some((key) => hasDoubledKey(text, key))
  );
}

const TYPICAL = (delta: string) =>
  `{"type":"response.output_audio.delta","event_id":"event_1","response_id":"resp_1","item_id":"item_1","output_index":0,"content_index":0,"delta":"${delta}"}`;

describe("scanDelta", () => {
  it("finds what the parser finds, or leaves the event to it, however it is spelled", () => {
    let found = 0;
    fc.assert(
      fc.property(event, (bytes) => {
        const wanted = slow(bytes);
        const got = fast(bytes);
        if (got !== null || (wanted !== null && mustBeFast(bytes))) {
          expect(got).toEqual(wanted);
          found++;
        }
      }),
      { numRuns: 3000 },
    );
    // Else the property would hold for a scanner that finds nothing, or a generator that makes only
    // nonsense.
    expect(found).toBeGreaterThan(800);
  });

  it("finds nothing in a spoiled event that the parser does not find there", () => {
    fc.assert(
      fc.property(spoiled(event), ([, bytes]) => {
        const got = fast(bytes);
        if (got !== null) expect(got).toEqual(slow(bytes));
      }),
      { numRuns: 4000 },
    );
  });

  it("leaves out every change of one byte of a typical event that changes what it says", () => {
    const typical = bytesOf(TYPICAL("AAECAw=="));
    expect(fast(typical)).toEqual(slow(typical));
    for (let at = 0; at < typical.length; at++) {
      for (let byte = 0; byte < 256; byte++) {
        const changed = typical.slice();
        changed[at] = byte;
        const got = fast(changed);
        if (got === null) continue;
        const wanted = slow(changed);
        // Plain comparison: 40,000 matchers would take seconds.
        if (JSON.stringify(got) !== JSON.stringify(wanted))
          expect([at, byte, got]).toEqual([at, byte, wanted]);
      }
    }
  });

  it("finds a delta in every order of its keys, with and without obfuscation", () => {
    const members = [
      '"type":"response.output_audio_transcript.delta"',
      '"event_id":"event_1"',
      '"response_id":"resp_1"',
      '"item_id":"item_1"',
      '"output_index":0',
      '"content_index":0',
      '"delta":"Hel"',
      '"obfuscation":"qJ4x0"',
    ];
    fc.assert(
      fc.property(fc.shuffledSubarray(members, { minLength: 7, maxLength: 8 }), (chosen) => {
        const bytes = bytesOf(`{${chosen.join(",")}}`);
        const wanted = slow(bytes);
        // Without its content index, which is then 0, an event is the parser's.
        const isScanned = chosen.includes('"content_index":0');
        expect(fast(bytes)).toEqual(isScanned ? wanted : null);
        if (!isScanned || chosen.length === members.length) expect(wanted).not.toBeNull();
      }),
    );
  });

  it("leaves out every beginning of an event", () => {
    const typical = bytesOf(TYPICAL("AAECAwQF"));
    for (let length = 0; length < typical.length; length++) {
      expect(scanDelta(typical.subarray(0, length), new DeltaScan())).toBe(false);
    }
  });

  it.each([
    ["the event that ends the audio", TYPICAL("AAAA").replace("audio.delta", "audio.done")],
    ["the name of the preview API", TYPICAL("AAAA").replace("output_audio", "audio")],
    ["an escaped slash in the audio", TYPICAL("AA\\/A")],
    ["an escaped quote that seems to end the audio", TYPICAL('AA\\","x":"')],
    ["an id that is empty", TYPICAL("AAAA").replace("item_1", "")],
    ["two events", `${TYPICAL("AAAA")},${TYPICAL("AAAA")}`],
  ])("leaves %s to the parser", (_, text) => expect(fast(bytesOf(text))).toBeNull());

  it.each([
    ["where it is a text", TYPICAL("AAAA"), "event_1"],
    [
      "at the end",
      TYPICAL("AAAA").replace('"event_id":"event_1",', "").replace(/}$/, ',"event_id":"e2"}'),
      "e2",
    ],
    ["not where there is none", TYPICAL("AAAA").replace('"event_id":"event_1",', ""), ""],
    ["not where it is no text", TYPICAL("AAAA").replace('"event_1"', "7"), ""],
  ])("finds the event's own id: %s", (_, text, id) => {
    const bytes = bytesOf(text);
    const out = new DeltaScan();
    expect(scanDelta(bytesOf(TYPICAL("AAAA")), out)).toBe(true);
    expect(scanDelta(bytes, out)).toBe(true);
    expect(Buffer.from(bytes.subarray(out.eventIdStart, out.eventIdEnd)).toString()).toBe(id);
  });

  it("lets an id be compared where it stands", () => {
    const bytes = bytesOf(TYPICAL("AAAA"));
    const out = new DeltaScan();
    expect(scanDelta(bytes, out)).toBe(true);
    const is = (word: string) => sameBytes(bytes, out.itemIdStart, out.itemIdEnd, bytesOf(word));
    expect([is("item_1"), is("item_2"), is("item_"), is("item_12"), is("")]).toEqual([
      true,
      false,
      false,
      false,
      false,
    ]);
  });
});

describe("AppendWriter", () => {
  const text = (bytes: Uint8Array) => Buffer.from(bytes).toString("latin1");

  it("puts base64 into the event as it came, and mu-law as base64", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.uint8Array({ maxLength: 2500 }), fc.boolean()), { maxLength: 6 }),
        (chunks) => {
          const writer = new AppendWriter();
          for (const [ulaw, raw] of chunks) {
            const base64 = Buffer.from(ulaw).toString("base64");
            const message = raw ? ulaw : bytesOf(base64);
            const larger = new Uint8Array(message.length + 8).fill(0x22);
            larger.set(message, 5);
            const end = 5 + message.length;
            const written = raw ? writer.appendUlaw(larger, 5, end) : writer.append(larger, 5, end);
            expect(text(written)).toBe(`{"type":"input_audio_buffer.append","audio":"${base64}"}`);
          }
        },
      ),
    );
  });

  it("makes no new view while the length stays the same", () => {
    const writer = new AppendWriter();
    const frame = new Uint8Array(160);
    const view = writer.appendUlaw(frame, 0, 160);
    expect(writer.append(new Uint8Array(216).fill(0x41), 0, 216)).toBe(view);
    expect(writer.appendUlaw(frame, 0, 80).length).toBeLessThan(view.length);
  });
});
