import { isDeepStrictEqual } from "node:util";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { WireError } from "../../src/domain/errors.js";
import {
  MAX_TWILIO_MESSAGE_BYTES,
  MarkScan,
  MediaScan,
  parseTwilioMessage,
  scanMark,
  scanMedia,
  type TwilioMedia,
} from "../../src/wire/twilio-media.js";
import { readMarkName } from "../../src/wire/twilio-writer.js";
import {
  bytesOf,
  hasDoubledKey,
  isPlain,
  member,
  quote,
  type Spelling,
  spelledObject,
  spelledString,
  spoiled,
} from "./json-text.js";

/** As `toEqual`, which takes longer than what it compares: a property is checked thousands of times. */
function expectSame(got: unknown, wanted: unknown): void {
  if (!isDeepStrictEqual(got, wanted)) expect(got).toEqual(wanted);
}

interface Found {
  readonly timestampMs: number;
  readonly sequenceNumber: number;
  readonly payload: string;
}

/**
 * What the scanner finds; null where it leaves the message to the parser. A scan used before knows
 * a layout.
 */
function fast(bytes: Uint8Array, out = new MediaScan()): Found | null {
  if (!scanMedia(bytes, out)) return null;
  const payload = Buffer.from(bytes.subarray(out.payloadStart, out.payloadEnd)).toString("latin1");
  // What the scanner decoded is what Node decodes.
  const decoded = Buffer.from(out.audio.subarray(0, out.audioBytes));
  const wanted = Buffer.from(payload, "base64");
  if (!decoded.equals(wanted)) expect(decoded).toEqual(wanted);
  return { timestampMs: out.timestampMs, sequenceNumber: out.sequenceNumber, payload };
}

/**
 * The same from the full parser; null where the message is no media message of the inbound track.
 */
function slow(bytes: Uint8Array): Found | null {
  let message: TwilioMedia;
  try {
    const parsed = parseTwilioMessage(bytes);
    if (parsed.event !== "media" || parsed.track !== "inbound") return null;
    message = parsed;
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    return null;
  }
  const { timestampMs, sequenceNumber, payload } = message;
  return { timestampMs, sequenceNumber, payload };
}

const digits = fc.oneof(
  { weight: 30, arbitrary: fc.nat().map(String) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      "",
      "007",
      "-1",
      "1.5",
      "1e3",
      "999999999999999",
      "1234567890123456",
      " 1",
    ),
  },
);
const payload = fc.oneof(
  {
    weight: 30,
    arbitrary: fc.uint8Array({ maxLength: 170 }).map((b) => Buffer.from(b).toString("base64")),
  },
  { weight: 1, arbitrary: fc.constantFrom("AAA", "AB==", "<b64>", "AA=A", "AA==AAAA", 'a"b', "é") },
);
const string = (text: fc.Arbitrary<string>): Spelling => text.chain(spelledString);
/** Now and then a value of the wrong type. */
const mostly = (value: Spelling): Spelling =>
  fc.oneof(
    { weight: 60, arbitrary: value },
    { weight: 1, arbitrary: fc.constantFrom("1", "null", "{}", '"x"') },
  );

const media = spelledObject([
  member(
    "track",
    mostly(
      string(fc.oneof({ weight: 20, arbitrary: fc.constant("inbound") }, fc.constant("outbound"))),
    ),
  ),
  member("chunk", mostly(string(digits))),
  member("timestamp", mostly(string(digits))),
  member("payload", mostly(string(payload))),
]);

const message: fc.Arbitrary<Uint8Array> = spelledObject([
  member(
    "event",
    mostly(
      string(
        fc.oneof({ weight: 20, arbitrary: fc.constant("media") }, fc.constantFrom("mark", "medi")),
      ),
    ),
  ),
  member("sequenceNumber", mostly(string(digits))),
  member("streamSid", string(fc.constant("MZ0123456789abcdef0123456789abcdef"))),
  member("media", mostly(media)),
]).map(bytesOf);

const KNOWN_KEYS = ["event", "sequenceNumber", "media", "track", "chunk", "timestamp", "payload"];

/** Spelled so simply that the scanner has no right to leave it to the parser. */
function mustBeFast(bytes: Uint8Array): boolean {
  const text = Buffer.from(bytes).toString("latin1");
  // A quoted known key anywhere twice may be a doubled key; "media" stands once as a value too.
  const doubled = KNOWN_KEYS.some((key) =>
    key === "media" ? text.split(/"media"\s*:/).length > 2 : hasDoubledKey(text, key),
  );
  const bareNumber = /"(sequenceNumber|chunk|timestamp)"\s*:\s*[0-9]/.test(text);
  const nullTrack = /"track"\s*:\s*null/.test(text);
  // A sender that does not count its messages is not Twilio.
  const counted = ["sequenceNumber", "chunk"].every((key) =>
    new RegExp(`"${key}"\\s*:\\s*"`).test(text),
  );
  return isPlain(bytes) && !doubled && !bareNumber && !nullTrack && counted;
}

const TYPICAL = (payloadText: string) =>
  `{"event":"media","sequenceNumber":"34","media":{"track":"inbound","chunk":"33","timestamp":"645","payload":"${payloadText}"},"streamSid":"MZ0123456789abcdef0123456789abcdef"}`;
const FRAME = Buffer.alloc(160, 0x9c).toString("base64");

describe("scanMedia", () => {
  it("finds what the parser finds, or leaves the message to it, however it is spelled", () => {
    let found = 0;
    fc.assert(
      fc.property(message, (bytes) => {
        const wanted = slow(bytes);
        const scan = new MediaScan();
        const got = fast(bytes, scan);
        // By the layout learned, if there was one to learn.
        expectSame(fast(bytes, scan), got);
        if (got !== null || (wanted !== null && mustBeFast(bytes))) {
          expectSame(got, wanted);
          found++;
        }
      }),
      { numRuns: 3000 },
    );
    // Else the property would hold for a scanner that finds nothing, or a generator that makes only
    // nonsense.
    expect(found).toBeGreaterThan(800);
  });

  it("finds nothing in a spoiled message that the parser does not find there", () => {
    fc.assert(
      fc.property(spoiled(message), ([whole, bytes]) => {
        const taught = new MediaScan();
        fast(whole, taught);
        const got = fast(bytes);
        expectSame(fast(bytes, taught), got);
        if (got !== null) expectSame(got, slow(bytes));
      }),
      { numRuns: 4000 },
    );
  });

  it("finds the same in a stream of messages, whatever layouts and lengths it has met before", () => {
    const stream = fc.array(
      fc.oneof(
        message,
        fc
          .record({
            n: fc.nat({ max: 2_000_000 }),
            audio: fc.uint8Array({ maxLength: 200 }),
            late: fc.boolean(),
          })
          .map(({ n, audio, late }) => {
            const text = Buffer.from(audio).toString("base64");
            const counts = `"chunk":"${n}","timestamp":"${n * 20}"`;
            return bytesOf(
              late
                ? `{"media":{"payload":"${text}",${counts},"track":"inbound"},"event":"media","sequenceNumber":"${n}"}`
                : `{"event":"media","sequenceNumber":"${n}","media":{"track":"inbound",${counts},"payload":"${text}"}}`,
            );
          }),
      ),
      { maxLength: 12 },
    );
    fc.assert(
      fc.property(stream, (messages) => {
        const scan = new MediaScan();
        for (const bytes of messages) {
          // A socket's buffer is used again: what was learned must not lie in it.
          const buffer = bytes.slice();
          const got = fast(buffer, scan);
          buffer.fill(0);
          expectSame(got, fast(bytes));
        }
      }),
      { numRuns: 500 },
    );
  });

  it("leaves out every change of one byte of a typical message that changes what it says", () => {
    const typical = bytesOf(TYPICAL("AAECAw=="));
    const taught = new MediaScan();
    expect(fast(typical, taught)).toEqual({
      timestampMs: 645,
      sequenceNumber: 34,
      payload: "AAECAw==",
    });
    expect(taught.layout.scan(typical)).toBe(4);
    let matched = 0;
    for (let at = 0; at < typical.length; at++) {
      for (let byte = 0; byte < 256; byte++) {
        const changed = typical.slice();
        changed[at] = byte;
        if (taught.layout.scan(changed) >= 0) matched++;
        const got = fast(changed);
        const again = fast(changed, taught);
        fast(typical, taught);
        // Plain comparison: 40,000 matchers would take seconds.
        if (JSON.stringify(again) !== JSON.stringify(got))
          expectSame([at, byte, again], [at, byte, got]);
        if (got === null) continue;
        const wanted = slow(changed);
        if (JSON.stringify(got) !== JSON.stringify(wanted))
          expectSame([at, byte, got], [at, byte, wanted]);
      }
    }
    // Each digit and each symbol can be another one; nothing else can.
    expect(matched).toBeGreaterThan(typical.length);
  });

  it("leaves out every beginning of a message", () => {
    const typical = bytesOf(TYPICAL(FRAME));
    const taught = new MediaScan();
    fast(typical, taught);
    for (let length = 0; length < typical.length; length++) {
      expect(scanMedia(typical.subarray(0, length), new MediaScan())).toBe(false);
      expect(scanMedia(typical.subarray(0, length), taught)).toBe(false);
    }
  });

  it("reads a view into a larger buffer, and nothing beyond it", () => {
    const typical = bytesOf(TYPICAL(FRAME));
    const larger = new Uint8Array(typical.length + 20).fill(0x7d);
    larger.set(typical, 7);
    expect(fast(larger.subarray(7, 7 + typical.length))).toEqual(slow(typical));
    // The next byte would close the object.
    expect(fast(larger.subarray(7, 6 + typical.length))).toBeNull();
  });

  it("finds a frame that names no track", () => {
    const bytes = bytesOf(TYPICAL(FRAME).replace('"track":"inbound",', ""));
    expect(fast(bytes)).not.toBeNull();
    expect(fast(bytes)).toEqual(slow(bytes));
  });

  it.each([
    ["connected", '{"event":"connected","protocol":"Call","version":"1.0.0"}'],
    ["mark", '{"event":"mark","sequenceNumber":"4","streamSid":"MZ1","mark":{"name":"m"}}'],
    ["an outbound track", TYPICAL("AAAA").replace("inbound", "outbound")],
    ["a payload that is not base64", TYPICAL("AAA")],
    ["an empty object", "{}"],
    ["an array", `[${TYPICAL("AAAA")}]`],
    ["two messages", `${TYPICAL("AAAA")}${TYPICAL("AAAA")}`],
    ["nothing", ""],
    ["a trailing comma", TYPICAL("AAAA").replace(/}$/, ",}")],
    ["an unknown value that is no JSON", TYPICAL("AAAA").replace(/}$/, ',"x":01}')],
    ["an unknown value nested without end", `{"x":${"[".repeat(20_000)}`],
    ["a byte order mark", `\ufeff${TYPICAL("AAAA")}`],
  ])("leaves %s to the parser", (_, text) => expect(fast(bytesOf(text))).toBeNull());

  it("takes the last of two equal keys, or leaves them to the parser, which does", () => {
    for (const [first, last] of [
      ["AAAA", "BBBB"],
      ["x", "BBBB"],
    ]) {
      const bytes = bytesOf(
        TYPICAL(last!).replace('"payload"', `"payload":${quote(first!)},"payload"`),
      );
      expect(slow(bytes)?.payload).toBe("BBBB");
      expect([null, "BBBB"]).toContain(fast(bytes)?.payload ?? null);
    }
  });

  it("leaves a message over the limit to the parser, which refuses it", () => {
    const long = bytesOf(`${TYPICAL(FRAME)}${" ".repeat(MAX_TWILIO_MESSAGE_BYTES)}`);
    expect(fast(long)).toBeNull();
    expect(() => parseTwilioMessage(long)).toThrow(WireError);
    expect(fast(long.subarray(0, MAX_TWILIO_MESSAGE_BYTES))).not.toBeNull();
  });
});

describe("scanMark", () => {
  const found = (bytes: Uint8Array): { generation: number; position: number } | null => {
    const out = new MarkScan();
    return scanMark(bytes, out) ? { generation: out.generation, position: out.position } : null;
  };
  /** The same from the full parser. */
  const parsed = (bytes: Uint8Array): { generation: number; position: number } | null => {
    try {
      const message = parseTwilioMessage(bytes);
      return message.event === "mark" ? readMarkName(message.name) : null;
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      return null;
    }
  };
  const echo = (name: string, rest: object = {}): Uint8Array =>
    Buffer.from(JSON.stringify({ event: "mark", streamSid: "MZ1", mark: { name }, ...rest }));

  it("reads what Twilio echoes of our marks", () => {
    expect(found(echo("3:4800", { sequenceNumber: "7" }))).toEqual({
      generation: 3,
      position: 4800,
    });
    expect(found(echo("999999999:999999999999"))).toEqual({
      generation: 999999999,
      position: 999999999999,
    });
  });

  it.each([
    ["another's name", echo("hello")],
    ["a name that only looks like ours", echo("1:2:3")],
    ["more digits than a mark of ours has", echo("1234567890:1")],
    ["another event", Buffer.from('{"event":"dtmf","mark":{"name":"1:2"}}')],
    ["no mark", Buffer.from('{"event":"mark","streamSid":"MZ1"}')],
    ["a second mark", Buffer.from('{"event":"mark","mark":{"name":"1:2"},"mark":{"name":"3:4"}}')],
    ["another key in the mark", Buffer.from('{"event":"mark","mark":{"name":"1:2","x":1}}')],
    ["an escape", Buffer.from('{"event":"mark","mark":{"name":"1\\u003a2"}}')],
    ["more behind it", Buffer.from('{"event":"mark","mark":{"name":"1:2"}} x')],
  ])("leaves %s to the parser", (_what, bytes) => {
    expect(found(bytes)).toBeNull();
  });

  it("never says what the parser does not", () => {
    const names = fc.oneof(
      fc.tuple(fc.nat(), fc.nat()).map(([a, b]) => `${a}:${b}`),
      fc.constantFrom("", ":", "1:", ":1", "01:02", "1:2 ", '1"2', "é:1"),
    );
    const event = fc.oneof(
      { weight: 9, arbitrary: fc.constant("mark") },
      fc.constantFrom("media", "stop"),
    );
    fc.assert(
      fc.property(event, names, fc.nat({ max: 90 }), fc.boolean(), (name, mark, cut, whole) => {
        const bytes = Buffer.from(
          ` { "mark" : { "name" : ${JSON.stringify(mark)} } , "event":"${name}"} `,
        );
        const seen = whole ? bytes : bytes.subarray(0, cut);
        const fast = found(seen);
        if (fast !== null) expect(fast).toEqual(parsed(seen));
      }),
    );
  });
});
