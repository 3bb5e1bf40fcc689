import assert from "node:assert/strict";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import type { FaultCase } from "../fault-case.js";
import { exchange, inParallel, openSocket, postHead } from "../raw-peers.js";

const SIZE = 64 * 1024;
const MANY_NAMES = Array.from({ length: 16_000 }, (_, i) => `${i.toString(36)}=`)
  .join("&")
  .slice(0, SIZE);

/** Bytes that no client of ours sends, each with what may come back. */
const MALFORMED: readonly (readonly [string, string])[] = [
  ["zero bytes", "\0".repeat(4000)],
  ["no method", "\r\n\r\n\r\n"],
  ["a method of 8,000 letters", `${"G".repeat(8000)} / HTTP/1.1\r\n\r\n`],
  ["bare line feeds", "POST /incoming-call HTTP/1.1\nHost: x\nContent-Length: 1\n\na"],
  [
    "two lengths",
    "POST /call-status HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
  ],
  [
    "a length and chunks",
    "POST /call-status HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
  ],
  ["a negative length", "POST /call-status HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n"],
  [
    "a length of 40 digits",
    `POST /call-status HTTP/1.1\r\nHost: x\r\nContent-Length: ${"9".repeat(40)}\r\n\r\n`,
  ],
  [
    "chunks of nonsense",
    "POST /call-status HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
  ],
  ["a head of 60 KB", `GET /health HTTP/1.1\r\nHost: x\r\nX: ${"a".repeat(60_000)}\r\n\r\n`],
  ["500 header lines", `GET /health HTTP/1.1\r\nHost: x\r\n${"X-A: 1\r\n".repeat(500)}\r\n`],
  ["a header that is folded", "GET /health HTTP/1.1\r\nHost: x\r\nX: a\r\n b\r\n\r\n"],
  ["a path that climbs", "GET /../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n"],
  ["an absolute path", "GET http://evil/health HTTP/1.1\r\nHost: evil\r\n\r\n"],
  ["HTTP/1.0", "GET /health HTTP/1.0\r\n\r\n"],
  ["HTTP/9.9", "GET /health HTTP/9.9\r\nHost: x\r\n\r\n"],
  ["HTTP/2's preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
  ["TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"],
  [
    "an upgrade to nothing",
    "GET /media-stream HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
  ],
  ["CONNECT", "CONNECT evil:443 HTTP/1.1\r\nHost: evil\r\n\r\n"],
];

export const HTTP_CASES: readonly FaultCase[] = [
  {
    name: "malformed-http",
    group: "http",
    quick: true,
    what: `${MALFORMED.length} kinds of malformed HTTP, each ten times, on both listeners`,
    holds: "an error or the end of the connection, never an answer of 2xx to a webhook",
    run: async ({ relay }) => {
      for (const port of [relay.publicPort, relay.adminPort])
        for (const [what, bytes] of MALFORMED)
          await inParallel(10, 10, async () => {
            const got = await exchange(port, Buffer.from(bytes, "latin1"), 100);
            const fine = got === "" || /^HTTP\/1\.[01] (?:[345]\d\d|2\d\d)/.test(got);
            assert(fine, `${what}: ${got.slice(0, 80)}`);
            assert(!/^HTTP\/1\.\d 204/.test(got), `${what} was taken for a callback`);
          });
    },
  },
  {
    name: "random-bytes",
    group: "http",
    quick: true,
    what: "300 connections with 8 KB of random bytes each",
    holds: "none is answered with 2xx",
    run: async ({ relay }) => {
      await inParallel(300, 20, async (i) => {
        const bytes = Buffer.from(
          Array.from({ length: 8192 }, (_, j) => (i * 31 + j * j * 7) & 255),
        );
        assert(!/^HTTP\/1\.\d 2/.test(await exchange(relay.publicPort, bytes, 50)));
      });
    },
  },
  {
    name: "many-names",
    group: "http",
    quick: true,
    what: "1,000 forged bodies of 16,000 names, within about a second",
    holds: "each is refused with 403 or its connection ends",
    run: async ({ relay }) => {
      const request = Buffer.from(postHead("/call-status", MANY_NAMES.length) + MANY_NAMES);
      await inParallel(1000, 100, async () => {
        const got = await exchange(relay.publicPort, request, 2000);
        assert(got === "" || /^HTTP\/1\.1 (?:403|429|413)/.test(got), got.slice(0, 60));
      });
    },
  },
  {
    name: "tiny-chunks",
    group: "http",
    quick: true,
    what: "200 forged bodies of 64 KB in chunks of one byte each",
    holds: "the connection ends after the first 32 pieces, or with 403",
    run: async ({ relay }) => {
      const head = postHead("/call-status", 0).replace(
        "Content-Length: 0",
        "Transfer-Encoding: chunked",
      );
      const request = Buffer.from(`${head}${"1\r\na\r\n".repeat(65_536)}0\r\n\r\n`);
      await inParallel(200, 20, async () => {
        const got = await exchange(relay.publicPort, request, 2000);
        assert(got === "" || /^HTTP\/1\.1 (?:403|429|413|503)/.test(got), got.slice(0, 60));
      });
    },
  },
  {
    name: "forged-signatures",
    group: "http",
    quick: true,
    what: "3,000 small webhooks with a wrong signature",
    holds: "403 each; the log has a bounded number of lines; Twilio is still answered",
    run: async ({ relay, twilio }) => {
      const before = relay.log().length;
      const body = "CallSid=CA1&AccountSid=AC1";
      await inParallel(3000, 50, async () => {
        const got = await exchange(
          relay.publicPort,
          postHead("/incoming-call", body.length, "Connection: close\r\n") + body,
        );
        assert(got === "" || /^HTTP\/1\.1 (?:403|429)/.test(got), got.slice(0, 60));
      });
      assert(relay.log().length - before < 50_000, "the log grew with each request");
      const form = { CallSid: `CA${"9".repeat(32)}`, CallStatus: "completed" };
      assert.equal((await twilio.post("/call-status", form)).status, 204);
    },
  },
  {
    name: "wrong-admin-tokens",
    group: "http",
    quick: true,
    what: "500 requests with wrong tokens to the operator API",
    holds: "401 or 429 each, slowed; the right token is still taken afterwards",
    run: async (world) => {
      await inParallel(500, 25, async (i) => {
        const answer = await world.operator("/api/calls", {
          headers: { authorization: `Bearer wrong-${i}-wrong-wrong` },
        });
        await answer.text();
        assert([401, 429].includes(answer.status), String(answer.status));
      });
      const answered = async (): Promise<boolean> => (await world.operator("/api/calls")).ok;
      assert(await eventually(answered), "the right token is refused");
    },
  },
  {
    name: "break-off",
    group: "http",
    quick: true,
    what: "200 requests and upgrades to the operator API, reset by their clients before the answer",
    holds: "no exception, and few lines in the log; operators are answered afterwards",
    run: async (world) => {
      const before = world.relay.log().length;
      const upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n";
      await inParallel(200, 20, async (i) => {
        const socket = await openSocket(world.relay.adminPort);
        socket.write(
          `GET /api/calls/CA${"1".repeat(32)}/listen HTTP/1.1\r\nHost: 127.0.0.1\r\n` +
            `Authorization: Bearer wrong-${i}\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n` +
            `${i % 2 === 0 ? upgrade : ""}\r\n`,
        );
        await sleep(20);
        socket.resetAndDestroy();
      });
      const answered = async (): Promise<boolean> => (await world.operator("/api/calls")).ok;
      assert(await eventually(answered), "the right token is refused");
      const said = world.relay.log().slice(before);
      assert(!said.includes("uncaught exception"), "an exception was not caught");
      assert(said.length < 50_000, "the log grew with each request");
    },
  },
  {
    name: "slow-heads",
    group: "http",
    what: "300 connections that send one byte of a head each 200 ms",
    holds: "new callers are answered meanwhile",
    run: async (world) => {
      const sockets = await Promise.all(
        Array.from({ length: 300 }, () => openSocket(world.relay.publicPort)),
      );
      const head = postHead("/incoming-call", 10);
      for (let i = 0; i < 10; i++) {
        for (const socket of sockets) if (socket.writable) socket.write(head[i] ?? "");
        await sleep(200);
      }
      await world.answersNewCaller();
      for (const socket of sockets) socket.destroy();
    },
  },
  {
    name: "half-open",
    group: "http",
    quick: true,
    what: "300 connections that send nothing, and 100 whose declared body never comes",
    holds: "new callers are answered meanwhile",
    run: async (world) => {
      const port = world.relay.publicPort;
      const sockets = await Promise.all(Array.from({ length: 400 }, () => openSocket(port)));
      for (const socket of sockets.slice(0, 100)) socket.write(postHead("/call-status", 60_000));
      await world.answersNewCaller();
      for (const socket of sockets) socket.destroy();
    },
  },
  {
    name: "never-reads",
    group: "http",
    what: "50 operators who ask for /metrics 200 times on one connection and read no answer",
    holds: "the relay stops to answer them; others are answered",
    run: async (world) => {
      const get = "GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
      const sockets = await Promise.all(
        Array.from({ length: 50 }, () => openSocket(world.relay.adminPort)),
      );
      for (const socket of sockets) {
        socket.pause();
        socket.write(get.repeat(20));
      }
      await sleep(1000);
      assert((await world.operator("/metrics")).ok);
      for (const socket of sockets) socket.destroy();
    },
  },
  {
    name: "large-bodies",
    group: "http",
    quick: true,
    what: "bodies of 1 MB to every webhook, and to the operator API",
    holds: "413 or 403, or the end of the connection",
    run: async (world) => {
      const body = "a".repeat(1024 * 1024);
      for (const path of ["/incoming-call", "/call-status", "/openai/webhook", "/"]) {
        const got = await exchange(world.relay.publicPort, postHead(path, body.length) + body);
        assert(
          got === "" || /^HTTP\/1\.1 (?:413|403|404|400)/.test(got),
          `${path}: ${got.slice(0, 60)}`,
        );
      }
      const answer = await world
        .operator("/api/calls", { method: "POST", body: JSON.stringify({ to: body }) })
        .catch(() => null);
      // The connection may end before the answer has been read.
      assert(answer === null || [400, 413, 503].includes(answer.status), String(answer?.status));
    },
  },
  {
    name: "pipelined",
    group: "http",
    quick: true,
    what: "2,000 requests in one write, on 10 connections",
    holds: "the relay answers or closes, and others are answered",
    run: async (world) => {
      const requests = "GET /health HTTP/1.1\r\nHost: relay.test\r\n\r\n".repeat(2000);
      await inParallel(10, 10, async () => exchange(world.relay.publicPort, requests, 1500));
      await world.answersNewCaller();
    },
  },
  {
    name: "unsigned-upgrades",
    group: "http",
    quick: true,
    what: "1,000 WebSocket upgrades without a signature",
    holds: "none becomes a stream",
    run: async ({ relay }) => {
      const upgrade =
        "GET /media-stream HTTP/1.1\r\nHost: relay.test\r\nUpgrade: websocket\r\n" +
        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n" +
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
      await inParallel(1000, 50, async () => {
        const got = await exchange(relay.publicPort, upgrade, 500);
        assert(!got.startsWith("HTTP/1.1 101"), "an unsigned upgrade was taken");
      });
    },
  },
  {
    name: "other-host",
    group: "http",
    quick: true,
    what: "/metrics, /ready and the API asked with the Host of another site (DNS rebinding)",
    holds: "403",
    run: async ({ relay }) => {
      for (const path of ["/metrics", "/ready", "/api/calls", "/console"]) {
        const head = `GET ${path} HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n`;
        const got = await exchange(relay.adminPort, head);
        assert.match(got, /^HTTP\/1\.1 (?:403|421|401)/, path);
      }
    },
  },
  {
    name: "console-flood",
    group: "http",
    what: "200 listeners of /api/events that come, and go without a word",
    holds: "all are let go",
    run: async (world) => {
      await inParallel(200, 20, async () => {
        const socket = await openSocket(world.relay.adminPort);
        socket.write(
          "GET /api/events HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer " +
            "token-of-the-fault-checks\r\n\r\n",
        );
        await Promise.race([once(socket, "data"), sleep(500)]);
        socket.resetAndDestroy();
      });
      assert((await world.operator("/api/calls")).ok);
    },
  },
];

async function eventually(holds: () => Promise<boolean>): Promise<boolean> {
  for (let i = 0; i < 60; i++) {
    if (await holds()) return true;
    await sleep(250);
  }
  return false;
}
