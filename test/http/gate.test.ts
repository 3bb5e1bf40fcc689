/** What a stranger can do to the public listener, and what the log then says. */
import { connect } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ACCOUNT_SID, type PublicSide, post, send, sign, startPublic } from "./harness.js";

const FORM = { CallSid: "CA1", AccountSid: ACCOUNT_SID };
/** Well-formed, and wrong. */
const FORGED = `${"A".repeat(27)}=`;

let side: PublicSide;
beforeEach(async () => {
  side = await startPublic();
});
afterEach(() => side.server.close());

/** Sends bytes as they are; everything that comes back until the connection ends or 200 ms pass. */
async function raw(bytes: string): Promise<string> {
  const socket = connect(side.port, "127.0.0.1");
  let got = "";
  socket.on("data", (chunk) => {
    got += String(chunk);
  });
  socket.on("error", () => undefined);
  socket.write(bytes);
  const late = setTimeout(() => socket.destroy(), 200);
  // A reset is an end like another.
  await new Promise((resolve) => socket.once("close", resolve));
  clearTimeout(late);
  return got;
}

const head = (lines: readonly string[], body = ""): string =>
  `POST /incoming-call HTTP/1.1\r\nHost: x\r\n${lines.map((line) => `${line}\r\n`).join("")}\r\n${body}`;

describe("a request without a valid signature", () => {
  it("is refused by its head alone when the signature is missing or malformed", async () => {
    // The declared body never comes: the answer cannot have waited for it.
    expect(await raw(head(["Content-Length: 60000"]))).toMatch(/^HTTP\/1.1 403 /);
    expect(await raw(head(["Content-Length: 60000", "X-Twilio-Signature: short"]))).toMatch(
      /^HTTP\/1.1 403 /,
    );
    expect(side.metrics.failures).toEqual(["webhook/missing", "webhook/invalid"]);
  });

  it("is logged with the URL that was checked, whose account it names and which host it asked", async () => {
    await post(side, "/call-status", FORM, FORGED);
    await post(side, "/call-status", { ...FORM, AccountSid: "AC2" }, FORGED);
    expect(side.log.lines).toMatchObject([
      {
        level: "warn",
        text: "http: request without a valid X-Twilio-Signature refused",
        fields: {
          address: "127.0.0.1",
          surface: "webhook",
          reason: "invalid",
          signedUrl: "https://relay.example.com/call-status",
          host: `127.0.0.1:${side.port}`,
          hostDiffers: true,
          ourAccount: true,
        },
      },
      { fields: { ourAccount: false } },
    ]);
  });

  it("does not show the values of the query in the log", async () => {
    await post(side, "/transfer-status?state=secret&n=1", FORM, FORGED);
    expect(side.log.lines[0]?.fields["signedUrl"]).toBe(
      "https://relay.example.com/transfer-status?state=…&n=…",
    );
  });

  it("is logged five times and counted each time", async () => {
    for (let i = 0; i < 20; i++) await post(side, "/call-status", FORM, FORGED);
    expect(side.log.lines).toHaveLength(5);
    expect(side.metrics.failures).toHaveLength(20);
    expect(side.metrics.requests).toEqual(Array(20).fill("/call-status 403"));
  });

  it("is refused without reading a long body once its address was refused often", async () => {
    const often = Array.from({ length: 100 }, () => post(side, "/call-status", FORM, FORGED));
    await Promise.all(often);
    const lines = [`X-Twilio-Signature: ${FORGED}`, "Content-Length: 60000"];
    expect(await raw(head(lines))).toMatch(/^HTTP\/1.1 403 /);
    // Twilio, behind the same proxy, is still answered.
    expect((await post(side, "/call-status", FORM)).status).toBe(204);
  });

  it("is refused when it has more fields than Twilio ever sends", async () => {
    const fields = Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`f${i}`, "1"]));
    expect((await post(side, "/call-status", fields)).status).toBe(403);
    expect(side.calls.callbacks).toEqual([]);
  });
});

describe("requests in one packet", () => {
  it.each([
    ["/health", "GET /health HTTP/1.1\r\nHost: x\r\n\r\n"],
    ["a forged webhook", head([`X-Twilio-Signature: ${FORGED}`, "Content-Length: 3"], "a=b")],
  ])("cost no more than one: %s", async (_what, request) => {
    const before = side.metrics.requests.length;
    await raw(request.repeat(2_000));
    expect(side.metrics.requests.length - before).toBeLessThanOrEqual(2);
  });
});

describe("a request whose length is not clear", () => {
  const signed = `X-Twilio-Signature: ${sign("https://relay.example.com/incoming-call")}`;

  it.each([
    ["two lengths", [signed, "Content-Length: 3", "Content-Length: 5"], "abcde"],
    ["the same length twice", [signed, "Content-Length: 3", "Content-Length: 3"], "abc"],
    ["a length that is no number", [signed, "Content-Length: +3"], "abc"],
    ["an encoding besides chunked", [signed, "Transfer-Encoding: gzip, chunked"], "0\r\n\r\n"],
  ])("is refused with 400: %s", async (_what, lines, body) => {
    expect(await raw(head(lines, body))).toMatch(/^(HTTP\/1.1 400 |$)/);
    expect(side.calls.asked).toEqual([]);
  });

  it("is refused on other routes too", async () => {
    expect(
      await raw(
        "GET /health HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nContent-Length: 1\r\n\r\n",
      ),
    ).toMatch(/^HTTP\/1.1 400 /);
  });
});

describe("many bodies under way at once", () => {
  it("are bounded per address, and given back when their senders go", async () => {
    const waiting = Array.from({ length: 40 }, () => {
      const socket = connect(side.port, "127.0.0.1");
      socket.on("error", () => undefined);
      let got = "";
      socket.on("data", (chunk) => {
        got += String(chunk);
      });
      socket.write(head([`X-Twilio-Signature: ${FORGED}`, "Content-Length: 60000"]));
      return { socket, answer: () => got };
    });
    await expect
      .poll(() => waiting.filter(({ answer }) => answer().startsWith("HTTP/1.1 503 ")).length)
      // 2 MiB hold 34 bodies of 60,000 bytes.
      .toBe(6);
    for (const { socket } of waiting) socket.destroy();
    await expect.poll(async () => (await post(side, "/call-status", FORM)).status).toBe(204);
  });
});

describe("a webhook that Twilio calls by GET", () => {
  it("gets 405, and the log names the fix", async () => {
    expect((await send(side.port, "GET", "/incoming-call?CallSid=CA1")).status).toBe(405);
    expect(side.log.lines).toMatchObject([
      {
        level: "warn",
        text: "http: webhook with the wrong method refused",
        fields: { path: "/incoming-call", method: "GET", fix: expect.stringContaining("POST") },
      },
    ]);
  });
});
