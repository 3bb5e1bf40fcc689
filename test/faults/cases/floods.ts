/** What a peer whose call is genuine does with its own stream: floods, sizes, order and time. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { WebSocket } from "ws";
import { speechLike } from "../../../sim/audio/synth.js";
import type { FaultCase } from "../fault-case.js";
import { openPhone, type RawPhone } from "../raw-phone.js";
import { until, type World } from "../world.js";

const FRAME = Buffer.alloc(160, 0xfe).toString("base64");
const MANY = 20_000;
const MOST_GROWTH_BYTES = 64 * 1024 * 1024;
/** Five minutes of an agent's speech, and what five sockets hold: the rest is the engine's own. */
const MOST_UNREAD_BYTES = 16 * 1024 * 1024;
/** Keys are told to the model in groups. */
const KEYS_PER_EVENT = 16;

/** A phone in a call whose model session is there. */
async function phoneInCall(world: World): Promise<RawPhone> {
  const sessions = world.model.sessions.length;
  const phone = await openPhone(world);
  await until(() => world.model.sessions.length > sessions, "the call has a session");
  return phone;
}

/** Runs `act` on such a phone: the relay's memory stays, and a new caller is answered. */
async function withPhone(
  world: World,
  act: (phone: RawPhone) => Promise<void>,
  mostGrowthBytes = MOST_GROWTH_BYTES,
): Promise<void> {
  const phone = await phoneInCall(world);
  try {
    const before = memoryBytes(world.workerPid);
    await act(phone);
    const grown = memoryBytes(world.workerPid) - before;
    assert(grown < mostGrowthBytes, `the worker grew by ${Math.round(grown / 1e6)} MB`);
    await world.answersNewCaller();
  } finally {
    phone.socket.terminate();
  }
}

function memoryBytes(pid: number): number {
  return (
    Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) * 1024
  );
}

async function sendMany(socket: WebSocket, texts: (i: number) => string): Promise<void> {
  for (let i = 0; i < MANY && socket.readyState === WebSocket.OPEN; i++) {
    socket.send(texts(i));
    if (i % 500 === 0) await sleep(1);
  }
}

export const FLOOD_CASES: readonly FaultCase[] = [
  {
    name: "phone-keys",
    group: "media",
    what: `a caller's stream sends ${MANY} keys at once, and ${MANY} marks that were never set`,
    holds: "the model is told of the keys in groups; a new caller is answered",
    run: async (world) => {
      await withPhone(world, async ({ socket, messages }) => {
        const session = world.model.sessions.at(-1);
        await sendMany(socket, () => messages.dtmf("1"));
        await sendMany(socket, (i) => messages.mark(`unknown_${i}`));
        await sleep(1000);
        const events = session?.events ?? [];
        assert(events.length < MANY / KEYS_PER_EVENT, `the model got ${events.length} events`);
        const keys = "1".repeat(KEYS_PER_EVENT);
        const isTold = events.some((event) => JSON.stringify(event).includes(keys));
        assert(isTold, "the model was not told of the keys");
      });
    },
  },
  {
    name: "phone-clock",
    group: "media",
    quick: true,
    what: "timestamps of a caller's stream that jump by an hour and by 2^52 ms, go back, or are no numbers",
    holds: "no gap is filled with an hour of silence; a new caller is answered",
    run: async (world) => {
      await withPhone(world, async ({ socket, messages }) => {
        for (const timestamp of [0, 3_600_000, 2 ** 52, 20, -50, Number.NaN, 1e300, 40])
          socket.send(messages.media({ timestamp, payload: FRAME }));
        await sleep(1000);
      });
    },
  },
  {
    name: "phone-sizes",
    group: "media",
    quick: true,
    what: "frames of 0, 1, 159, 161, 8,000 and 44,000 bytes on a caller's stream",
    holds: "the stream goes on or is closed; a new caller is answered",
    run: async (world) => {
      await withPhone(world, async ({ socket, messages }) => {
        for (const bytes of [0, 1, 159, 161, 8_000, 44_000])
          for (let i = 0; i < 20 && socket.readyState === WebSocket.OPEN; i++) {
            const payload = Buffer.alloc(bytes, 0xfe).toString("base64");
            socket.send(messages.media({ timestamp: i * 20, payload }));
          }
        await sleep(500);
      });
    },
  },
  {
    name: "phone-order",
    group: "media",
    quick: true,
    what: "a second `start`, messages of another stream, `stop` twice and media after it",
    holds: "no second session; the stream is closed after `stop`; a new caller is answered",
    run: async (world) => {
      await withPhone(world, async ({ socket, messages, start, callSid, accountSid }) => {
        const sessions = world.model.sessions.length;
        const other = messages.media({ timestamp: 0, payload: FRAME }).replaceAll("MZ8", "MZ9");
        const stop = messages.stop(accountSid, callSid);
        for (const text of [start, other, stop, messages.media({ timestamp: 20, payload: FRAME })])
          socket.send(text);
        socket.send(stop);
        await until(() => socket.readyState === WebSocket.CLOSED, "the stream is closed");
        assert.equal(world.model.sessions.length, sessions);
      });
    },
  },
  {
    name: "phone-never-reads",
    group: "media",
    what: "five callers' streams that read nothing for a while, as the agent speaks to them",
    holds:
      "the relay grows by less than 16 MB; a stream that reads again hears the agent; " +
      "a new caller is answered",
    run: async (world) => {
      const minute = { text: "One.", audio: speechLike(60_000, 3) };
      world.playing.turnOf = () => ({ say: minute });
      const phones = await Promise.all(
        Array.from({ length: 4 }, async () => {
          const phone = await openPhone(world);
          phone.socket.pause();
          return phone;
        }),
      );
      try {
        const act = async ({ socket }: RawPhone): Promise<void> => {
          socket.pause();
          await sleep(1500);
          world.playing.turnOf = null;
          // All that was held up for it, and then what the agent says now.
          let frames = 0;
          socket.on("message", (data: Buffer) => {
            if (data.includes('"media"')) frames++;
          });
          socket.resume();
          await until(() => frames > 0, "the caller hears the agent again");
          const held = frames;
          await until(() => frames > held + 10, "the agent goes on");
        };
        await withPhone(world, act, MOST_UNREAD_BYTES);
      } finally {
        for (const { socket } of phones) socket.terminate();
      }
    },
  },
  {
    name: "model-floods",
    group: "model",
    what: `the model sends ${MANY} small events at once, ${MANY} items, and 3,000 tool calls in a response`,
    holds: "the call goes on or its session is replaced; a new caller is answered",
    run: async (world) => {
      const call = await world.talk();
      const session = world.model.sessions.at(-1);
      const before = memoryBytes(world.workerPid);
      for (let i = 0; i < MANY; i++) {
        session?.sendText(`{"type":"rate_limits.updated","event_id":"r${i}","rate_limits":[]}`);
        session?.sendText(itemAdded(i));
        if (i % 500 === 0) await sleep(1);
      }
      session?.sendText(manyToolCalls(3_000));
      await sleep(1000);
      const grown = memoryBytes(world.workerPid) - before;
      assert(grown < MOST_GROWTH_BYTES, `the worker grew by ${Math.round(grown / 1e6)} MB`);
      assert.equal(call.over, false);
      await world.answersNewCaller();
    },
  },
];

function itemAdded(i: number): string {
  const item = { id: `item_${i}`, object: "realtime.item", type: "message", role: "assistant" };
  return JSON.stringify({
    type: "response.output_item.added",
    event_id: `i${i}`,
    response_id: `resp_${i}`,
    output_index: 0,
    item: { ...item, status: "in_progress", content: [] },
  });
}

function manyToolCalls(count: number): string {
  const output = Array.from({ length: count }, (_, i) => ({
    ...{ id: `f${i}`, type: "function_call", status: "completed", name: "lookup_order" },
    ...{ call_id: `c${i}`, arguments: "{}" },
  }));
  const response = { id: "resp_tools", object: "realtime.response", status: "completed", output };
  return JSON.stringify({ type: "response.done", event_id: "tools", response });
}
