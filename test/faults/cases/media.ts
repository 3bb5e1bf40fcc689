import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { WebSocket } from "ws";
import { StreamMessages } from "../../../sim/twilio/stream-messages.js";
import type { FaultCase } from "../fault-case.js";
import { inParallel, openSocket } from "../raw-peers.js";
import { PUBLIC_URL, type World } from "../world.js";

const URL = `${PUBLIC_URL.replace("https", "wss")}/media-stream`;
const STREAM = `MZ${"7".repeat(32)}`;
const CALL = `CA${"7".repeat(32)}`;
const FRAME = Buffer.alloc(160, 0xff).toString("base64");

/** A stream with Twilio's signature, of which nothing else is true. */
async function openStream(world: World): Promise<WebSocket> {
  const socket = new WebSocket(`ws://127.0.0.1:${world.relay.publicPort}/media-stream`, {
    headers: world.twilio.upgradeHeaders(URL),
    perMessageDeflate: false,
  });
  socket.on("error", () => undefined);
  await once(socket, "open");
  return socket;
}

/** @returns the close code; null: it is still open after 12 s. */
async function closeOf(socket: WebSocket): Promise<number | null> {
  if (socket.readyState === WebSocket.CLOSED) return 0;
  const closed = once(socket, "close").then(([code]) => code as number);
  const code = await Promise.race([closed, sleep(12_000).then(() => null)]);
  socket.terminate();
  return code;
}

function start(customParameters: Record<string, string>, accountSid: string): string {
  return new StreamMessages(STREAM).start({
    accountSid,
    streamSid: STREAM,
    callSid: CALL,
    customParameters,
  });
}

const DEEP = `${"[".repeat(30_000)}${"]".repeat(30_000)}`;
const TEXTS: readonly string[] = [
  "",
  "null",
  "{}",
  "[]",
  '"start"',
  "{",
  '{"event":"media"}',
  '{"event":"media","media":{"payload":"%%%%","timestamp":"x"}}',
  '{"event":"start","start":null}',
  '{"event":"start","start":{"customParameters":[]}}',
  `{"event":"start","start":{"accountSid":"AC1","callSid":"x","customParameters":{"__proto__":"x"}}}`,
  '{"event":"mark","mark":{"name":"__proto__"}}',
  '{"event":"dtmf","dtmf":{"digit":"DROP TABLE calls"}}',
  '{"event":"stop"}',
  '{"event":"constructor"}',
  `{"event":${DEEP}}`,
  `{"event":"media","media":{"payload":"${"A".repeat(60_000)}","timestamp":"1"}}`,
];

/** Frames that RFC 6455 forbids. Client frames must be masked; the mask here is 0. */
const BAD_FRAMES: readonly (readonly [string, readonly number[]])[] = [
  ["an unmasked text", [0x81, 0x02, 0x7b, 0x7d]],
  ["a reserved bit", [0xc1, 0x82, 0, 0, 0, 0, 0x7b, 0x7d]],
  ["an unknown opcode", [0x83, 0x80, 0, 0, 0, 0]],
  ["a ping of 126 bytes", [0x89, 0xfe, 0, 126, 0, 0, 0, 0, ...Array<number>(126).fill(0)]],
  ["a fragmented ping", [0x09, 0x80, 0, 0, 0, 0]],
  ["a continuation of nothing", [0x80, 0x80, 0, 0, 0, 0]],
  ["a length of 2^63", [0x81, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]],
  ["invalid UTF-8", [0x81, 0x82, 0, 0, 0, 0, 0xff, 0xfe]],
  ["a close code of 1005", [0x88, 0x82, 0, 0, 0, 0, 0x03, 0xed]],
  ["binary", [0x82, 0x81, 0, 0, 0, 0, 0x01]],
];

async function rawStream(world: World) {
  const socket = await openSocket(world.relay.publicPort);
  const headers = Object.entries(world.twilio.upgradeHeaders(URL));
  socket.write(
    `GET /media-stream HTTP/1.1\r\nHost: relay.test\r\nUpgrade: websocket\r\n` +
      `Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n` +
      `Sec-WebSocket-Key: ${randomBytes(16).toString("base64")}\r\n` +
      `${headers.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`,
  );
  await once(socket, "data");
  return socket;
}

export const MEDIA_CASES: readonly FaultCase[] = [
  {
    name: "websocket-bytes",
    group: "media",
    quick: true,
    waits: true,
    what: `${BAD_FRAMES.length} kinds of frames that RFC 6455 forbids, on signed streams`,
    holds: "each stream is closed",
    run: async (world) => {
      await Promise.all(
        BAD_FRAMES.map(async ([what, bytes]) => {
          const socket = await rawStream(world);
          const closed = new Promise((resolve) => socket.once("close", resolve));
          socket.write(Buffer.from(bytes));
          const over = await Promise.race([closed.then(() => true), sleep(12_000)]);
          socket.destroy();
          assert.equal(over, true, `${what}: still open`);
        }),
      );
    },
  },
  {
    name: "stream-texts",
    group: "media",
    quick: true,
    waits: true,
    what: `${TEXTS.length} kinds of JSON that Twilio does not send, as the first message`,
    holds: "the stream is closed, at the latest after 10 s; nothing goes to the model",
    run: async (world) => {
      const sessions = world.model.sessions.length;
      const codes = await Promise.all(
        TEXTS.map(async (text) => {
          const socket = await openStream(world);
          socket.send(text);
          return await closeOf(socket);
        }),
      );
      assert(!codes.includes(null), `still open: ${TEXTS[codes.indexOf(null)]?.slice(0, 60)}`);
      assert.equal(world.model.sessions.length, sessions);
    },
  },
  {
    name: "wrong-tokens",
    group: "media",
    quick: true,
    what: "200 streams whose `start` has no token, a wrong one, a used one or another call's",
    holds: "1008, and nothing goes to the model",
    run: async (world) => {
      const call = await world.talk();
      const used = { ...call.streams[0]?.fields.parameters };
      const sessions = world.model.sessions.length;
      const { accountSid } = world.twilio;
      const starts = [{}, { token: "wrong" }, { token: "a.b.c" }, used];
      await inParallel(200, 20, async (i) => {
        const socket = await openStream(world);
        socket.send(start(starts[i % starts.length] ?? {}, accountSid));
        assert.equal(await closeOf(socket), 1008);
      });
      assert.equal(world.model.sessions.length, sessions);
    },
  },
  {
    name: "silent-streams",
    group: "media",
    what: "100 signed streams that say nothing, or send media before `start`",
    holds: "all are closed within 12 s",
    run: async (world) => {
      await inParallel(100, 100, async (i) => {
        const socket = await openStream(world);
        if (i % 2 === 0)
          socket.send(new StreamMessages(STREAM).media({ timestamp: 0, payload: FRAME }));
        assert.notEqual(await closeOf(socket), null);
      });
    },
  },
  {
    name: "media-flood",
    group: "media",
    what: "a caller whose stream sends 20,000 frames at once",
    holds: "the call goes on or ends; a new caller is answered",
    run: async (world) => {
      const call = await world.talk();
      const socket = await openStream(world);
      const messages = new StreamMessages(STREAM);
      socket.send(start({}, world.twilio.accountSid));
      for (let i = 0; i < 20_000; i++) {
        if (socket.readyState !== WebSocket.OPEN) break;
        socket.send(messages.media({ timestamp: i * 20, payload: FRAME }));
        if (i % 500 === 0) await sleep(1);
      }
      await closeOf(socket);
      assert.equal(call.over, false);
      await world.answersNewCaller();
    },
  },
  {
    name: "stream-dies",
    group: "media",
    what: "ten callers whose streams break without a close frame",
    holds: "their calls end; no call stays active",
    run: async (world) => {
      const before = await world.metric("calls_active");
      await inParallel(10, 10, async () => {
        const call = await world.talk();
        call.hangUp();
        await call.ended;
      });
      for (let i = 0; i < 200 && (await world.metric("calls_active")) > before; i++)
        await sleep(50);
      assert.equal(await world.metric("calls_active"), before);
    },
  },
];
