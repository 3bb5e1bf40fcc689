import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  base64DecodedLength,
  base64EncodedLength,
  decodeBase64,
  encodeBase64,
  isBase64,
} from "../../src/codec/base64.js";

const ascii = (text: string) => new Uint8Array(Buffer.from(text, "latin1"));

/**
 * Decodes from the middle of a larger buffer into the middle of another; null where it is refused.
 */
function decode(text: Uint8Array): Uint8Array | null {
  const src = new Uint8Array(text.length + 11).fill(0x41);
  src.set(text, 4);
  const out = new Uint8Array(text.length + 10).fill(0x5a);
  const written = decodeBase64(src, 4, 4 + text.length, out, 6);
  if (written < 0) return null;
  expect([...out.subarray(0, 6)]).toEqual(new Array(6).fill(0x5a));
  expect(out.subarray(6 + written).every((byte) => byte === 0x5a)).toBe(true);
  return out.subarray(6, 6 + written);
}

/** What canonical means, told by Buffer: the text is the one that its bytes encode to. */
function canonical(text: Uint8Array): Uint8Array | null {
  const latin1 = Buffer.from(text).toString("latin1");
  const bytes = Buffer.from(latin1, "base64");
  return bytes.toString("base64") === latin1 ? new Uint8Array(bytes) : null;
}

describe("encodeBase64", () => {
  it("writes what Buffer writes, where it is told to", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        const wanted = Buffer.from(bytes).toString("base64");
        const src = new Uint8Array(bytes.length + 5).fill(0x33);
        src.set(bytes, 2);
        const out = new Uint8Array(wanted.length + 9).fill(0x21);
        expect(encodeBase64(src, 2, 2 + bytes.length, out, 5)).toBe(wanted.length);
        expect(base64EncodedLength(bytes.length)).toBe(wanted.length);
        expect(Buffer.from(out).toString("latin1")).toBe(`!!!!!${wanted}!!!!`);
      }),
    );
  });

  it("leaves out as it was when it is too short", () => {
    const out = new Uint8Array(7).fill(9);
    expect(() => encodeBase64(new Uint8Array(4), 0, 4, out, 0)).toThrow(RangeError);
    expect(() => encodeBase64(new Uint8Array(3), 0, 3, out, 4)).toThrow(RangeError);
    expect(out.every((byte) => byte === 9)).toBe(true);
  });
});

describe("decodeBase64", () => {
  it("gives back what was encoded", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        expect(decode(ascii(Buffer.from(bytes).toString("base64")))).toEqual(bytes);
      }),
    );
  });

  // Every way to end a text: all last groups over an alphabet that holds good and bad, with and
  // without a group before.
  it("accepts and refuses as Buffer does when it is made to be strict, for all last groups", () => {
    const symbols = ascii("AQgwB/+=-_ \n");
    for (const before of ["", "Zm9v"]) {
      for (let n = 0; n < symbols.length ** 4; n++) {
        const group = [0, 1, 2, 3].map(
          (i) => symbols[Math.floor(n / symbols.length ** i) % symbols.length]!,
        );
        const text = Uint8Array.from([...ascii(before), ...group]);
        const wanted = canonical(text);
        const got = decode(text);
        // Plain comparison: 41,472 matchers would take seconds.
        if (Buffer.compare(got ?? ascii("refused"), wanted ?? ascii("refused")) !== 0) {
          expect([Buffer.from(text).toString("latin1"), got]).toEqual([text, wanted]);
        }
        if (isBase64(text, 0, text.length) !== (wanted !== null)) {
          expect(Buffer.from(text).toString("latin1")).toBe("judged alike by isBase64");
        }
      }
    }
  });

  it("judges texts with any byte anywhere as Buffer does when it is made to be strict", () => {
    const text = fc
      .tuple(
        fc.uint8Array({ maxLength: 60 }),
        fc.nat(),
        fc.option(fc.nat({ max: 255 })),
        fc.nat({ max: 3 }),
      )
      .map(([bytes, at, byte, cut]) => {
        const good = ascii(Buffer.from(bytes).toString("base64"));
        if (byte !== null && good.length > 0) good[at % good.length] = byte;
        return good.subarray(0, Math.max(0, good.length - cut));
      });
    fc.assert(
      fc.property(text, (candidate) => {
        const wanted = canonical(candidate);
        expect(decode(candidate)).toEqual(wanted);
        expect(isBase64(candidate, 0, candidate.length)).toBe(wanted !== null);
      }),
      { numRuns: 1000 },
    );
  });

  it.each([
    ["a length that is no multiple of four", "AAA"],
    ["padding alone", "===="],
    ["three paddings", "A==="],
    ["padding inside", "AA=A"],
    ["padding in a group that is not the last", "AA==AAAA"],
    ["a bit set under two paddings", "AB=="],
    ["a bit set under one padding", "AAB="],
    ["the URL alphabet", "-_-_"],
    ["white space", "AA A"],
    ["a byte above ASCII", "AAA\u00e9"],
  ])("refuses %s", (_, text) => {
    expect(decode(ascii(text))).toBeNull();
    expect(isBase64(ascii(text), 0, text.length)).toBe(false);
  });

  it("takes the empty text for no bytes", () => {
    expect(decodeBase64(ascii("AAAA"), 2, 2, new Uint8Array(0), 0)).toBe(0);
    expect(isBase64(ascii("AAAA"), 2, 2)).toBe(true);
  });

  it("leaves out as it was when it is too short", () => {
    const out = new Uint8Array(4).fill(9);
    expect(() => decodeBase64(ascii("AAAA"), 0, 4, out, 2)).toThrow(RangeError);
    expect([...out]).toEqual([9, 9, 9, 9]);
  });
});

describe("base64DecodedLength", () => {
  it("tells the length from text and padding alone", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 50 }), (bytes) => {
        const text = ascii(`xx${Buffer.from(bytes).toString("base64")}`);
        expect(base64DecodedLength(text, 2, text.length)).toBe(bytes.length);
      }),
    );
    expect(base64DecodedLength(ascii("AAAAA"), 0, 5)).toBe(-1);
    expect(base64DecodedLength(ascii("AAAAA"), 5, 1)).toBe(-1);
  });
});
