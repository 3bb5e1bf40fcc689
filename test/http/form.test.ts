import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MAX_FIELDS, parseForm } from "../../src/http/form.js";
import { anyCharacter } from "../fakes/any-character.js";

describe("parseForm", () => {
  it.each([
    ["", {}],
    ["a=1", { a: "1" }],
    ["a=1&b=two+words", { a: "1", b: "two words" }],
    ["a=%2B1555&b=%C3%A9", { a: "+1555", b: "é" }],
    ["a=1&&b=2&", { a: "1", b: "2" }],
    ["a", { a: "" }],
    ["a=", { a: "" }],
    ["=v", { "": "v" }],
    ["a=b=c", { a: "b=c" }],
    ["a=100%", { a: "100%" }],
    ["a=%FF", { a: "�" }],
    ["__proto__=x&a=1", JSON.parse('{"__proto__": "x", "a": "1"}')],
  ])("reads %j", (text, expected) => {
    expect(parseForm(text)?.first).toEqual(expected);
  });

  it("keeps all values of a repeated name for the signature, and the first for the rest", () => {
    expect(parseForm("a=1&b=x&a=2")).toEqual({
      first: { a: "1", b: "x" },
      all: { a: ["1", "2"], b: "x" },
    });
  });

  it("reads every form as URLSearchParams does", () => {
    const part = fc.string({ unit: "grapheme", maxLength: 20 });
    fc.assert(
      fc.property(fc.array(fc.tuple(part, part), { maxLength: 30 }), (pairs) => {
        const text = new URLSearchParams(pairs).toString();
        const expected = new URLSearchParams(text);
        const parsed = parseForm(text);
        for (const name of expected.keys()) {
          expect(parsed?.first[name]).toBe(expected.get(name));
          expect([parsed?.all[name] ?? []].flat()).toEqual(expected.getAll(name));
        }
      }),
    );
  });

  it("never throws, whatever the text", () => {
    fc.assert(
      fc.property(fc.string({ unit: anyCharacter, maxLength: 500 }), (text) => {
        parseForm(text);
      }),
    );
  });

  it.each([
    ["one field too many", Array.from({ length: MAX_FIELDS + 1 }, (_, i) => `n${i}=`).join("&")],
    ["the same name too often", "a=&".repeat(MAX_FIELDS + 1)],
    ["too many separators", "&".repeat(MAX_FIELDS + 1)],
    ["a name that is too long", `${"n".repeat(257)}=1`],
    ["a value that is too long", `a=${"v".repeat(64 * 1024 + 1)}`],
  ])("refuses %s", (_what, text) => {
    expect(parseForm(text)).toBeNull();
  });

  it("takes as many fields, and as long ones, as the limits say", () => {
    const most = Array.from({ length: MAX_FIELDS }, (_, i) => `n${i}=v`).join("&");
    expect(Object.keys(parseForm(most)?.first ?? {})).toHaveLength(MAX_FIELDS);
    const long = `${"n".repeat(256)}=${"%C3%A9".repeat(1000)}`;
    expect(parseForm(long)).not.toBeNull();
  });
});
