import { once } from "node:events";
import { connect } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import type { MediaSocket } from "../../src/ports/sockets.js";
import { type PublicSide, send, sign, startPublic } from "./harness.js";

describe("media stream", () => {
  let side: PublicSide;
  const sockets: WebSocket[] = [];
  beforeEach(async () => {
    side = await startPublic();
  });
  afterEach(() => {
    for (const socket of sockets.splice(0)) socket.terminate();
    side.server.close();
  });

  function dial(signature: string | null = sign(side.mediaUrl), path = "/media-stream"): WebSocket {
    const headers = signature === null ? {} : { "x-twilio-signature": signature };
    const socket = new WebSocket(`ws://127.0.0.1:${side.port}${path}`, { headers });
    // Ending a refused dial is an error to ws, not to us.
    socket.on("error", () => {});
    sockets.push(socket);
    return socket;
  }

  async function refusedWith(socket: WebSocket): Promise<number | undefined> {
    const [, response] = await once(socket, "unexpected-response");
    return response.statusCode;
  }

  it.each([
    ["without a final slash", ""],
    ["with a final slash", "/"],
  ])("accepts the configured URL signed %s", async (_name, slash) => {
    await once(dial(sign(side.mediaUrl + slash)), "open");
    expect(side.calls.sockets).toHaveLength(1);
  });

  it("accepts a stream that was meant for another process, signed for that one's address", async () => {
    side.server.close();
    side = await startPublic({
      mediaTemplate: "wss://relay.example.com/media-stream/{node}/{worker}",
      mediaUrl: "wss://relay.example.com/media-stream/node2/0",
    });
    const other = "/media-stream/node1/3";
    await once(dial(sign(`wss://relay.example.com${other}`), other), "open");
    expect(side.calls.sockets).toHaveLength(1);
    expect(await refusedWith(dial(sign(side.mediaUrl), other))).toBe(403);
    expect(await refusedWith(dial(sign(side.mediaUrl), "/media-stream/node1/x"))).toBe(404);
    expect(side.metrics.requests).toEqual([
      "/media-stream 101",
      "/media-stream 403",
      "/media-stream 404",
    ]);
  });

  it.each([
    ["missing", null, "media/missing"],
    ["forged", "AAAA", "media/invalid"],
    ["of the https URL", sign("https://relay.example.com/media-stream"), "media/invalid"],
  ])("answers 403 to a signature that is %s, and hangs up", async (_name, signature, counted) => {
    expect(await refusedWith(dial(signature))).toBe(403);
    expect(side.calls.sockets).toEqual([]);
    expect(side.metrics.failures).toEqual([counted]);
  });

  it("closes TCP after a refused upgrade", async () => {
    const socket = connect(side.port, "127.0.0.1");
    socket.write(
      "GET /media-stream HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    );
    let got = "";
    socket.on("data", (chunk) => {
      got += String(chunk);
    });
    await once(socket, "close");
    expect(got).toMatch(/^HTTP\/1.1 403 /);
  });

  it("never believes the address that the request names", async () => {
    const own = sign(`ws://127.0.0.1:${side.port}/media-stream`);
    expect(await refusedWith(dial(own))).toBe(403);
  });

  it("tells a plain GET to upgrade only when it was signed", async () => {
    expect((await send(side.port, "GET", "/media-stream")).status).toBe(403);
    const headers = { "x-twilio-signature": sign(side.mediaUrl) };
    expect((await send(side.port, "GET", "/media-stream", headers)).status).toBe(426);
  });

  it("carries text both ways, byte for byte and in order", async () => {
    const heard: string[] = [];
    side.calls.receiver = (socket) => ({
      message: (message) => {
        heard.push(Buffer.from(message).toString("utf8"));
        const reply = Buffer.from(`re:${heard.at(-1)}`);
        expect(socket.send(reply)).toBe(true);
        // The caller may reuse its bytes at once.
        reply.fill(0);
      },
      closed: () => {},
    });
    const socket = dial();
    await once(socket, "open");
    const replies: string[] = [];
    const all = new Promise<void>((resolve) => {
      socket.on("message", (data, isBinary) => {
        expect(isBinary).toBe(false);
        if (replies.push(String(data)) === 100) resolve();
      });
    });
    const sent = Array.from({ length: 100 }, (_, i) => `{"n":${i},"s":"${"é".repeat(i)}"}`);
    for (const message of sent) socket.send(message);
    await all;
    expect(heard).toEqual(sent);
    expect(replies).toEqual(sent.map((message) => `re:${message}`));
  });

  it("runs what is corked at once, also after the close", async () => {
    const runs: string[] = [];
    let seen: MediaSocket | null = null;
    const closed = new Promise<number>((resolve) => {
      side.calls.receiver = (socket) => {
        seen = socket;
        socket.cork(() => {
          runs.push("open");
          socket.send(Buffer.from("a"));
          socket.send(Buffer.from("b"));
        });
        runs.push("after");
        return { message: () => {}, closed: resolve };
      };
    });
    const socket = dial();
    const got: string[] = [];
    socket.on("message", (data) => {
      got.push(String(data));
      if (got.length === 2) socket.close(1000);
    });
    expect(await closed).toBe(1000);
    expect(got).toEqual(["a", "b"]);
    const after = seen as MediaSocket | null;
    after?.cork(() => runs.push("closed"));
    expect(runs).toEqual(["open", "after", "closed"]);
    expect(after?.send(Buffer.from("late"))).toBe(false);
    expect(after?.bufferedBytes()).toBe(0);
    after?.close(1000, "again");
  });

  it("closes with the code and reason of the call, and says so once", async () => {
    const codes: number[] = [];
    side.calls.receiver = (socket) => ({
      message: () => {
        socket.close(1008, "bad token");
        socket.close(1000, "twice");
      },
      closed: (code) => codes.push(code),
    });
    const socket = dial();
    await once(socket, "open");
    socket.send("{}");
    const [code, reason] = await once(socket, "close");
    expect([code, String(reason)]).toEqual([1008, "bad token"]);
    expect(codes).toEqual([1008]);
  });

  it("tells a receiver whose socket was closed while it was made", async () => {
    const closed = new Promise<number>((resolve) => {
      side.calls.receiver = (socket) => {
        socket.close(1013, "full");
        return { message: () => {}, closed: resolve };
      };
    });
    const socket = dial();
    const [code] = await once(socket, "close");
    expect(code).toBe(1013);
    expect(await closed).toBe(1013);
  });

  it("takes text only", async () => {
    const socket = dial();
    await once(socket, "open");
    socket.send(Buffer.from([1, 2, 3]));
    const [code] = await once(socket, "close");
    expect(code).toBe(1003);
  });

  it("hangs up on a message over 64 KiB", async () => {
    const messages: number[] = [];
    const closed = new Promise<number>((resolve) => {
      side.calls.receiver = () => ({ message: (m) => messages.push(m.length), closed: resolve });
    });
    const socket = dial();
    await once(socket, "open");
    socket.send("x".repeat(64 * 1024));
    socket.send("x".repeat(64 * 1024 + 1));
    expect(await closed).toBe(1006);
    expect(messages).toEqual([64 * 1024]);
  });

  it("ends only the call whose handler throws", async () => {
    side.calls.receiver = (socket) => ({
      message: (message) => {
        if (Buffer.from(message).toString() === "bug") throw new Error("bug");
        socket.send(message.slice());
      },
      closed: () => {},
    });
    const good = dial();
    const bad = dial();
    await Promise.all([once(good, "open"), once(bad, "open")]);
    bad.send("bug");
    const [code] = await once(bad, "close");
    expect(code).toBe(1011);
    good.send("still here");
    const [echo] = await once(good, "message");
    expect(String(echo)).toBe("still here");
    expect(side.log.lines).toMatchObject([{ level: "error", error: new Error("bug") }]);
  });

  it("closes a socket whose peer takes nothing, once its limit is reached", async () => {
    const outcome = new Promise<{ code: number; refused: boolean }>((resolve) => {
      let refused = false;
      side.calls.receiver = (socket) => ({
        message: () => {
          const frame = Buffer.alloc(16 * 1024, 0x61);
          for (let i = 0; i < 4096 && !refused; i++) refused = !socket.send(frame);
        },
        closed: (code) => resolve({ code, refused }),
      });
    });
    const socket = dial();
    await once(socket, "open");
    socket.pause();
    socket.send("{}");
    expect(await outcome).toEqual({ code: 1006, refused: true });
  });
});

describe("media stream, other settings", () => {
  it("also listens on MEDIA_URL's own path", async () => {
    const mediaUrl = "wss://media.example.com/n1/w0/media-stream";
    const side = await startPublic({ mediaUrl });
    for (const path of ["/n1/w0/media-stream", "/media-stream"]) {
      const socket = new WebSocket(`ws://127.0.0.1:${side.port}${path}`, {
        headers: { "x-twilio-signature": sign(mediaUrl) },
      });
      await once(socket, "open");
      socket.terminate();
    }
    expect(side.calls.sockets).toHaveLength(2);
    side.server.close();
  });
});
