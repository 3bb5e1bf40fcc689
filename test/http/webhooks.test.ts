import { once } from "node:events";
import { connect } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FakeClock } from "../fakes/fake-clock.js";
import { type PublicSide, post, send, sign, startPublic } from "./harness.js";

const CALL = { CallSid: "CA1", From: "+15551112222", To: "+15550001111", CallStatus: "ringing" };

describe("public listener", () => {
  let side: PublicSide;
  beforeEach(async () => {
    side = await startPublic();
  });
  afterEach(() => side.server.close());

  it("answers a signed voice webhook with TwiML", async () => {
    const answer = await post(side, "/incoming-call", CALL);
    expect(answer.status).toBe(200);
    expect(answer.headers["content-type"]).toMatch(/^text\/xml/);
    expect(answer.body).toBe(
      '<?xml version="1.0" encoding="UTF-8"?><Response><Hangup/></Response>',
    );
    expect(side.calls.asked).toEqual([{ method: "incoming", form: CALL, query: {} }]);
  });

  it.each([
    ["/connect-ended", "connectEnded"],
    ["/transfer-status", "transferStatus"],
  ])("asks the call service about %s", async (path, method) => {
    expect((await post(side, path, CALL)).status).toBe(200);
    expect(side.calls.asked.map((asked) => asked.method)).toEqual([method]);
  });

  it("covers the raw query with the signature and hands it on decoded", async () => {
    const path = "/transfer-status?outbound=next%20one&agent=a%2Fb";
    expect((await post(side, path, CALL)).status).toBe(200);
    expect(side.calls.asked[0]?.query).toEqual({ outbound: "next one", agent: "a/b" });
    expect((await post(side, `${path}&x=1`, CALL, sign(side.publicUrl + path, CALL))).status).toBe(
      403,
    );
  });

  it("keeps empty, repeated and strangely named fields", async () => {
    const params = { CallSid: "CA1", FromCity: "", Tag: ["b", "a"], __proto__x: "1", Ünï: "ç +&=" };
    expect((await post(side, "/incoming-call", params)).status).toBe(200);
    expect(side.calls.asked[0]?.form).toEqual({ ...params, Tag: "b" });
  });

  it.each([
    ["missing", null, "webhook/missing"],
    ["forged", "bm90IGEgc2lnbmF0dXJl", "webhook/invalid"],
    ["of the listener's own address", "own", "webhook/invalid"],
    ["with another token", "token", "webhook/invalid"],
  ])("refuses a signature that is %s", async (_name, kind, counted) => {
    const forged: Record<string, string> = {
      own: sign(`http://127.0.0.1:${side.port}/incoming-call`, CALL),
      token: sign(`${side.publicUrl}/incoming-call`, CALL, "f".repeat(32)),
    };
    const signature = kind === null ? null : (forged[kind] ?? kind);
    expect((await post(side, "/incoming-call", CALL, signature)).status).toBe(403);
    expect(side.calls.asked).toEqual([]);
    expect(side.metrics.failures).toEqual([counted]);
  });

  it("believes neither Host nor X-Forwarded headers", async () => {
    const url = "https://evil.example/incoming-call";
    const body = new URLSearchParams(CALL).toString();
    const answer = await send(
      side.port,
      "POST",
      "/incoming-call",
      {
        "content-type": "application/x-www-form-urlencoded",
        host: "evil.example",
        "x-forwarded-host": "evil.example",
        "x-forwarded-proto": "https",
        "x-twilio-signature": sign(url, CALL),
      },
      body,
    );
    expect(answer.status).toBe(403);
  });

  it.each(["call-status", "stream-status", "recording-status", "amd-status", "conference-events"])(
    "answers the callback /%s with 204, however often",
    async (kind) => {
      for (let i = 0; i < 2; i++) {
        const answer = await post(side, `/${kind}`, CALL);
        expect(answer).toMatchObject({ status: 204, body: "" });
      }
      expect(side.calls.callbacks).toEqual([
        { kind, form: CALL, query: {} },
        { kind, form: CALL, query: {} },
      ]);
    },
  );

  it("answers a callback with 204 even when the call service throws", async () => {
    side.calls.callback = () => {
      throw new Error("bug");
    };
    expect((await post(side, "/call-status", CALL)).status).toBe(204);
    expect(side.log.lines).toMatchObject([{ level: "error", text: "http: callback failed" }]);
  });

  it.each([
    ["rejects", () => Promise.reject(new Error("bug"))],
    [
      "throws",
      () => {
        throw new Error("bug");
      },
    ],
  ])("apologises in valid TwiML when the call service %s", async (_name, answer) => {
    side.calls.answer = answer;
    const got = await post(side, "/incoming-call", CALL);
    expect(got.status).toBe(200);
    expect(got.body).toMatch(/<Say>We are sorry.*<\/Say><Hangup\/><\/Response>$/);
    expect(side.log.lines).toMatchObject([{ level: "error", error: new Error("bug") }]);
  });

  it("refuses bodies over 64 KiB, whether the length is declared or not", async () => {
    const body = `a=${"x".repeat(64 * 1024)}`;
    expect((await send(side.port, "POST", "/incoming-call", {}, body)).status).toBe(413);

    const socket = connect(side.port, "127.0.0.1");
    socket.write(
      `POST /incoming-call HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n`,
    );
    const [first] = await once(socket, "data");
    expect(String(first)).toMatch(/^HTTP\/1.1 413 /);
    await once(socket, "close");
    expect(side.calls.asked).toEqual([]);
  });

  it("takes a body of exactly 64 KiB", async () => {
    const params = { CallSid: "CA1", Pad: "" };
    params.Pad = "x".repeat(64 * 1024 - new URLSearchParams(params).toString().length);
    expect((await post(side, "/incoming-call", params)).status).toBe(200);
  });

  it("survives a caller that goes away before the answer", async () => {
    let finish = () => {};
    const thinking = new Promise<void>((resolve) => {
      side.calls.answer = () =>
        new Promise((answer) => {
          finish = () => answer([{ verb: "hangup" }]);
          resolve();
        });
    });
    const body = new URLSearchParams(CALL).toString();
    const socket = connect(side.port, "127.0.0.1");
    socket.write(
      `POST /incoming-call HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n` +
        `X-Twilio-Signature: ${sign(`${side.publicUrl}/incoming-call`, CALL)}\r\n\r\n${body}`,
    );
    await thinking;
    socket.destroy();
    await once(socket, "close");
    // The listener has seen the abort once it has answered a later request.
    expect((await send(side.port, "GET", "/health")).status).toBe(200);
    finish();
    side.calls.answer = async () => [{ verb: "hangup" }];
    expect((await post(side, "/incoming-call", CALL)).status).toBe(200);
  });

  it.each([
    ["GET", "/incoming-call", 405, "POST"],
    ["PUT", "/call-status", 405, "POST"],
    ["POST", "/health", 405, "GET, HEAD"],
    ["POST", "/media-stream", 405, "GET"],
    ["GET", "/", 404, undefined],
    ["POST", "/", 404, undefined],
    ["POST", "/openai/webhook", 404, undefined],
    ["POST", "/sip/incoming-call", 404, undefined],
    ["POST", "/incoming-call/", 404, undefined],
    ["GET", "/metrics", 404, undefined],
    ["GET", "/api/calls", 404, undefined],
    ["GET", "/%2e%2e/health", 404, undefined],
  ])("answers %s %s with %i", async (method, path, status, allow) => {
    const answer = await send(side.port, method, path);
    expect(answer.status).toBe(status);
    expect(answer.headers["allow"]).toBe(allow);
  });

  it("says that it lives", async () => {
    expect(await send(side.port, "GET", "/health")).toMatchObject({ status: 200, body: "ok" });
    expect(await send(side.port, "HEAD", "/health")).toMatchObject({ status: 200, body: "" });
  });

  it("refuses a port that is taken", async () => {
    const second = await startPublic();
    await expect(second.server.listen("127.0.0.1", side.port)).rejects.toMatchObject({
      code: "config_invalid",
    });
    second.server.close();
  });

  it("takes no new connection once it has stopped listening", async () => {
    side.server.stopListening();
    await expect(send(side.port, "GET", "/health")).rejects.toMatchObject({ code: "ECONNREFUSED" });
  });
});

describe("public listener, other settings", () => {
  it("works behind a proxy that keeps PUBLIC_URL's path and one that takes it off", async () => {
    const side = await startPublic({ publicUrl: "https://example.com/relay" });
    const signature = sign("https://example.com/relay/incoming-call", CALL);
    expect((await post(side, "/incoming-call", CALL, signature)).status).toBe(200);
    expect((await post(side, "/relay/incoming-call", CALL, signature)).status).toBe(200);
    expect((await post(side, "/other/incoming-call", CALL, signature)).status).toBe(404);
    side.server.close();
  });

  it("accepts the second auth token while it is set", async () => {
    const secondToken = "e".repeat(32);
    const side = await startPublic({ secondToken });
    const url = `${side.publicUrl}/incoming-call`;
    expect((await post(side, "/incoming-call", CALL, sign(url, CALL, secondToken))).status).toBe(
      200,
    );
    expect((await post(side, "/incoming-call", CALL)).status).toBe(200);
    side.server.close();
  });

  it("checks nothing when told so", async () => {
    const side = await startPublic({ validate: false });
    expect((await post(side, "/incoming-call", CALL, null)).status).toBe(200);
    expect(side.metrics.failures).toEqual([]);
    side.server.close();
  });

  it("apologises before Twilio's patience ends", async () => {
    const clock = new FakeClock();
    const side = await startPublic({ clock });
    const asked = new Promise<void>((resolve) => {
      side.calls.answer = () => {
        resolve();
        return new Promise(() => {});
      };
    });
    const answer = post(side, "/incoming-call", CALL);
    await asked;
    clock.advance(12_000);
    expect((await answer).body).toContain("We are sorry");
    side.server.close();
  });
});
