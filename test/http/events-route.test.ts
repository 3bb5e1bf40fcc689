import { connect } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { CallSid } from "../../src/domain/ids.js";
import { eventsRoute } from "../../src/http/events-route.js";
import type { HttpServer } from "../../src/http/listener.js";
import { LiveEvents } from "../../src/records/live-events.js";
import { MemoryJournal } from "../../src/records/memory-journal.js";
import { createRedact, STANDARD_REDACT } from "../../src/records/redact.js";
import { FakeClock } from "../fakes/fake-clock.js";
import { startOperator } from "./harness.js";

const SID = "CA1" as CallSid;
const OTHER = "CA2" as CallSid;
const note = (name: string, text = "") => ({
  type: "note" as const,
  atMs: 1,
  name,
  fields: { text },
});

describe("GET /api/events", () => {
  let clock: FakeClock;
  let journal: MemoryJournal;
  let events: LiveEvents;
  let server: HttpServer;
  let port: number;
  /** Listeners that there are now. */
  let listening: number;
  beforeEach(async () => {
    clock = new FakeClock();
    journal = new MemoryJournal();
    events = new LiveEvents(journal, createRedact(STANDARD_REDACT));
    listening = 0;
    const counted = {
      listen: (listener: Parameters<LiveEvents["listen"]>[0]) => {
        const end = events.listen(listener);
        listening += 1;
        return () => {
          listening -= 1;
          end();
        };
      },
    };
    ({ server, port } = await startOperator({
      token: "token",
      clock,
      routes: () => [eventsRoute({ events: counted, clock })],
    }));
  });
  afterEach(() => server.close());

  async function follow(query = "", token = "token") {
    const answer = await fetch(`http://127.0.0.1:${port}/api/events${query}`, {
      headers: { authorization: `Bearer ${token}` },
    });
    const reader = answer.body!.getReader();
    let text = "";
    return {
      answer,
      cancel: async () => await reader.cancel(),
      until: async (wanted: string) => {
        while (!text.includes(wanted)) text += Buffer.from((await reader.read()).value!).toString();
        return text;
      },
    };
  }

  it("tells what calls tell, cleaned, to all who listen, and keeps the line alive", async () => {
    const [one, two] = [await follow(), await follow("?callSid=CA2")];
    expect(one.answer.headers.get("content-type")).toBe("text/event-stream");
    await Promise.all([one.until(":\n\n"), two.until(":\n\n")]);
    events.write(SID, note("a", "card 4242 4242 4242 4242"));
    events.write(OTHER, note("b"));
    const text = await one.until('"b"');
    expect(text).toContain(
      'data: {"callSid":"CA1","at":"2026-11-21T00:00:00.000Z","type":"note","atMs":1,"name":"a","fields":{"text":"card [card]"}}\n\n',
    );
    expect(await two.until('"b"')).not.toContain("CA1");
    expect(journal.record(SID)?.events).toHaveLength(1);
    clock.advance(15_000);
    await one.until("\n:\n\n");
    for (const each of [one, two]) await each.cancel();
    await expect.poll(() => listening).toBe(0);
    expect(clock.pending).toBe(0);
    events.write(SID, note("c"));
  });

  it("wants the token, and the id of a call", async () => {
    expect((await follow("", "wrong")).answer.status).toBe(401);
    expect((await follow("?callSid=x")).answer.status).toBe(400);
    expect([listening, clock.pending]).toEqual([0, 0]);
  });

  it("disconnects a reader that does not read", async () => {
    const socket = connect(port, "127.0.0.1");
    socket.pause();
    socket.write(
      "GET /api/events HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer token\r\n\r\n",
    );
    await expect.poll(() => listening).toBe(1);
    // Long texts are cut, so that it takes many events to fill what the kernel buffers.
    const long = "x".repeat(100_000);
    for (let n = 0; n < 400 && listening > 0; n++) {
      for (let i = 0; i < 50; i++) events.write(SID, note("n", long));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect([listening, clock.pending]).toEqual([0, 0]);
    socket.destroy();
  });
});
