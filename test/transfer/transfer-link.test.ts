import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { linkQuery, readLink, type TransferLink } from "../../src/transfer/transfer-link.js";
import { sid } from "../fakes/call-bench.js";

const LINK: TransferLink = {
  call: sid(1),
  agent: "support",
  first: "front_desk",
  step: 1,
  revision: 17_958_231,
  attempt: 3,
  by: "agent",
  page: "document",
};

describe("a transfer's link", () => {
  it("comes back from its query as it was", () => {
    fc.assert(
      fc.property(
        fc.record({
          call: fc.nat(1_000_000).map(sid),
          agent: fc.stringMatching(/^[a-z0-9_-]{1,64}$/),
          first: fc.stringMatching(/^[a-z0-9_-]{1,64}$/),
          step: fc.nat(5),
          revision: fc.nat(999_999_999),
          attempt: fc.nat(999_999_999),
          by: fc.constantFrom("agent", "key", "supervisor", "failure", "limit"),
          page: fc.constantFrom("document", "wait", "key", "no_key"),
        }),
        (link: TransferLink) => {
          const url = new URL(`https://x.example/y?${new URLSearchParams(linkQuery(link))}`);
          expect(readLink(Object.fromEntries(url.searchParams))).toEqual(link);
        },
      ),
    );
  });

  it.each<[string, string]>([
    ["call", "MZ1"],
    ["agent", ""],
    ["first", ""],
    ["page", "elsewhere"],
    ["by", "nobody"],
    ["step", "-1"],
    ["revision", "1.5"],
    ["attempt", "1234567890"],
  ])("is none with %s %j, or without it", (name, value) => {
    const query = linkQuery(LINK);
    expect(readLink({ ...query, [name]: value })).toBeNull();
    const { [name]: _, ...rest } = query;
    expect(readLink(rest)).toBeNull();
  });

  it("is not made of another callback's query", () => {
    expect(readLink({})).toBeNull();
    expect(readLink({ sip: "model", call: sid(1), leg: "1" })).toBeNull();
  });
});
