import { describe, expect, it } from "vitest";
import {
  addressKey,
  addressOf,
  isE164,
  numberOf,
  readAddress,
  sameAddress,
} from "../../src/domain/address.js";

describe("an address", () => {
  it.each([
    ["+12025550100", { type: "number", e164: "+12025550100" }],
    ["tel:+1-202-555-0100", { type: "number", e164: "+12025550100" }],
    ["TEL:+12025550100;ext=5", { type: "number", e164: "+12025550100" }],
    ["sip:Anna@PBX.example.com", { type: "sip", uri: "anna@pbx.example.com" }],
    [
      "SIPS:anna@pbx.example.com:5061;transport=tls?X-A=b",
      { type: "sip", uri: "anna@pbx.example.com" },
    ],
    ['"Anna" <sip:anna@pbx.example.com:5060>', { type: "sip", uri: "anna@pbx.example.com" }],
    ["sip:anna@pbx.example.com:5080", { type: "sip", uri: "anna@pbx.example.com:5080" }],
    ["client:Anna", { type: "client", identity: "anna" }],
    ["anonymous", { type: "withheld" }],
    ["Restricted", { type: "withheld" }],
    ["", { type: "withheld" }],
    ["+266696687", { type: "withheld" }],
    ["sip:anonymous@anonymous.invalid", { type: "withheld" }],
    ["12345", { type: "unknown", text: "12345" }],
    ["Pizza", { type: "unknown", text: "Pizza" }],
  ])("%j is read", (text, address) => {
    expect(readAddress(text)).toEqual(address);
  });

  it.each([
    ["+12025550100", "tel:+1-202-555-0100"],
    ["sip:Anna@PBX.example.com", "sips:anna@pbx.example.com;transport=tls"],
    ["client:Anna", "CLIENT:anna"],
    ["Pizza", "pizza"],
  ])("%s and %s are the same", (one, other) => {
    expect(sameAddress(one, other)).toBe(true);
  });

  it.each([
    ["+12025550100", "+12025550101"],
    ["client:anna", "sip:anna@pbx.example.com"],
    ["sip:anna@a.example", "sip:anna@b.example"],
    // Two callers who withhold their number are two callers.
    ["anonymous", "anonymous"],
    ["", ""],
  ])("%j and %j are not", (one, other) => {
    expect(sameAddress(one, other)).toBe(false);
  });

  it("has a key by which it is found, unless it is withheld", () => {
    expect(addressKey("sip:A@b.example:5060")).toBe("sip:a@b.example");
    expect(addressKey("unknown")).toBeNull();
  });

  it("has a number only where it is one", () => {
    expect(numberOf("tel:+12025550100")).toBe("+12025550100");
    for (const text of ["sip:+12025550100@x", "client:a", "anonymous", "+7378742833", "0202555"])
      expect(numberOf(text), text).toBeNull();
    expect([isE164("+12025550100"), isE164("tel:+12025550100")]).toEqual([true, false]);
  });

  it("of a dial target is what Twilio is asked to call", () => {
    expect(
      [
        { type: "number", e164: "+12025550100" } as const,
        { type: "sip", uri: "sip:a@b" } as const,
        { type: "client", identity: "anna" } as const,
      ].map(addressOf),
    ).toEqual(["+12025550100", "sip:a@b", "client:anna"]);
  });
});
