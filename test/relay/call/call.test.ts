import { describe, expect, it } from "vitest";
import type { CallerProfile } from "../../../src/ports/crm.js";
import { agent, CallBench, type FakeStream, parametersOf, sid } from "../../fakes/call-bench.js";

const speechStarted = {
  type: "input_audio_buffer.speech_started",
  item_id: "u1",
  audio_start_ms: 0,
};
const audioDone = (responseId: string, itemId: string) => ({
  type: "response.output_audio.done",
  response_id: responseId,
  item_id: itemId,
  content_index: 0,
});
const appended = (model: { of(type: string): Record<string, unknown>[] }) =>
  Buffer.concat(
    model
      .of("input_audio_buffer.append")
      .map((event) => Buffer.from(event["audio"] as string, "base64")),
  );
const frame = (n: number) => Uint8Array.from({ length: 160 }, (_, i) => (n * 31 + i) & 0xff);

describe("a call", () => {
  it("opens the session at the webhook, greets at start, and hears the caller byte for byte", async () => {
    const bench = new CallBench();
    const parameters = await bench.ring();
    expect(bench.dialer.sockets).toHaveLength(1);
    bench.dialer.last.becomesReady();
    expect(bench.dialer.last.of("response.create")).toEqual([]);
    const stream = bench.stream();
    stream.start(sid(1), parameters);
    expect(bench.dialer.last.of("response.create")).toHaveLength(1);
    for (let n = 0; n < 5; n++) stream.frame(frame(n));
    stream.frame(frame(5), 60);
    expect(appended(bench.dialer.last)).toEqual(
      Buffer.concat([...[0, 1, 2, 3, 4].map(frame), Buffer.alloc(480, 0xff), frame(5)]),
    );
    expect(bench.fake.count("uplinkGaps")).toBe(1);
  });

  it("keeps what the caller says before the session is ready, and sends it first", async () => {
    const bench = new CallBench();
    const parameters = await bench.ring();
    const stream = bench.stream();
    stream.start(sid(1), parameters);
    for (let n = 0; n < 10; n++) stream.frame(frame(n));
    bench.dialer.last.becomesReady();
    stream.frame(frame(10));
    expect(appended(bench.dialer.last)).toEqual(
      Buffer.concat(Array.from({ length: 11 }, (_, n) => frame(n))),
    );
  });

  it("closes an unclaimed warm session after ten seconds and opens one at start", async () => {
    const bench = new CallBench();
    const parameters = await bench.ring();
    bench.dialer.last.becomesReady();
    bench.run(10_000, 1000);
    expect(bench.dialer.last.closedWith).toBe(1000);
    bench.stream().start(sid(1), parameters);
    expect(bench.dialer.sockets).toHaveLength(2);
  });

  it("clears at once on speech_started, truncates to what was heard, and sends no byte after", async () => {
    const bench = new CallBench();
    const { stream, model } = await bench.talk();
    model.created("r1");
    model.delta("r1", "i1", 40_000);
    bench.run(1_000);
    const before = stream.of("media").length;
    model.says(speechStarted);
    expect(stream.of("clear")).toHaveLength(1);
    const [truncate] = model.of("conversation.item.truncate");
    expect(truncate).toMatchObject({ item_id: "i1", content_index: 0 });
    expect(Math.abs((truncate!["audio_end_ms"] as number) - 1000)).toBeLessThanOrEqual(40);
    model.delta("r1", "i1", 8_000);
    model.done("r1", { status: "cancelled" });
    bench.run(500);
    expect(stream.of("media")).toHaveLength(before);
    expect(bench.fake.count("bargeIns", { source: "model" })).toBe(1);
    expect(bench.recorded("agent_heard")).toMatchObject([{ itemId: "i1", receivedMs: 5000 }]);
  });

  it("neither clears nor truncates when nothing is being played", async () => {
    const bench = new CallBench();
    const { stream, model } = await bench.talk();
    model.created("r1");
    model.delta("r1", "i1", 1_600);
    model.says(audioDone("r1", "i1"));
    model.done("r1");
    bench.run(1_000);
    model.says(speechStarted);
    expect(stream.of("clear")).toEqual([]);
    expect(model.of("conversation.item.truncate")).toEqual([]);
  });

  it("truncates the item in play and, at 0, those that wait behind it", async () => {
    const bench = new CallBench();
    const { model } = await bench.talk();
    model.created("r1");
    model.delta("r1", "i1", 8_000);
    model.says(audioDone("r1", "i1"));
    model.delta("r1", "i2", 8_000);
    bench.run(300);
    model.says(speechStarted);
    expect(model.of("conversation.item.truncate").map((t) => t["item_id"])).toEqual(["i1", "i2"]);
    expect(model.of("conversation.item.truncate")[1]).toMatchObject({ audio_end_ms: 0 });
  });

  it("answers tools while audio goes on, and a barge-in meanwhile clears at once", async () => {
    const bench = new CallBench();
    const { stream, model } = await bench.talk();
    model.created("r1");
    model.delta("r1", "i1", 16_000);
    model.done("r1", {
      output: [
        {
          type: "function_call",
          id: "f1",
          call_id: "c1",
          name: "look",
          arguments: "{}",
          status: "completed",
        },
      ],
    });
    bench.run(200);
    model.says(speechStarted);
    expect(stream.of("clear")).toHaveLength(1);
    bench.tools[0]!.answer("found");
    expect(model.of("conversation.item.create").at(-1)!["item"]).toMatchObject({
      type: "function_call_output",
      call_id: "c1",
      output: "found",
    });
    expect(bench.recorded("tool")).toMatchObject([
      { name: "look", output: "found", outcome: "ok" },
    ]);
  });

  it("hands over only once the farewell was heard", async () => {
    const bench = new CallBench();
    const { stream, model } = await bench.talk();
    model.created("r1");
    model.delta("r1", "i1", 8_000);
    model.says(audioDone("r1", "i1"));
    model.done("r1", {
      output: [
        {
          type: "function_call",
          id: "f1",
          call_id: "c1",
          name: "transfer_call",
          arguments: "{}",
          status: "completed",
        },
      ],
    });
    const request = {
      destination: "desk",
      reason: "x",
      summary: null,
      urgency: null,
      by: "agent",
    } as const;
    bench.tools[0]!.answer("ok", { kind: "transfer", farewell: "play", request });
    bench.run(900);
    expect(bench.handedOver).toEqual([]);
    bench.run(200);
    expect(bench.handedOver).toEqual([[sid(1), request]]);
    stream.stop(sid(1));
    expect(bench.calls.find(sid(1))).toBeDefined();
  });

  it("asks for a farewell when none was spoken, and does not wait for ever", async () => {
    const bench = new CallBench();
    const { model } = await bench.talk();
    model.created("r0");
    model.done("r0");
    const request = {
      destination: "desk",
      reason: "x",
      summary: null,
      urgency: null,
      by: "agent",
    } as const;
    bench.calls.find(sid(1))!.leave({ kind: "transfer", farewell: "ask", request });
    expect(model.of("response.create")).toHaveLength(2);
    bench.run(7_900, 100);
    // A hung model is noticed before the farewell's time is up; either way the caller is on the way
    // to a human.
    bench.run(300, 100);
    expect(bench.handedOver).toHaveLength(1);
  });

  it("lets key 0 through at once, with the model out of the loop, also when its socket is dead", async () => {
    const bench = new CallBench();
    const { stream, model } = await bench.talk();
    model.created("r1");
    model.delta("r1", "i1", 40_000);
    bench.run(200);
    stream.key("0");
    expect(stream.of("clear")).toHaveLength(1);
    expect(bench.handedOver).toMatchObject([[sid(1), { destination: "desk", by: "key" }]]);

    const dead = new CallBench();
    const other = await dead.talk();
    other.model.drops();
    other.stream.key("0");
    expect(dead.handedOver).toHaveLength(1);
  });

  it("plays what is here when the model is lost, redials once, gives the conversation back and goes on", async () => {
    const bench = new CallBench();
    const { stream, model } = await bench.talk();
    model.created("r1");
    model.says({
      type: "response.output_audio_transcript.delta",
      response_id: "r1",
      item_id: "i1",
      content_index: 0,
      delta: "One two three",
    });
    model.delta("r1", "i1", 8_000);
    bench.run(100);
    model.drops();
    expect(bench.dialer.sockets).toHaveLength(2);
    stream.frame(frame(1));
    bench.run(1_200);
    expect(stream.phone.heard).toHaveLength(8_000);
    const second = bench.dialer.last;
    second.becomesReady();
    expect(second.of("conversation.item.create")[0]!["item"]).toMatchObject({ role: "assistant" });
    expect(second.of("response.create")).toHaveLength(1);
    expect(appended(second)).toEqual(Buffer.from(frame(1)));
    expect(bench.fake.count("upstreamReconnects", { outcome: "ok" })).toBe(1);
  });

  it("falls back when the redial fails: the stream closes and connect-ended dials the human", async () => {
    const bench = new CallBench();
    const { stream, model } = await bench.talk();
    model.drops();
    bench.dialer.last.drops(1006, 401);
    bench.run(100);
    expect(stream.closedWith).toBe(1000);
    const twiml = await bench.calls.connectEnded(bench.form(1, { CallStatus: "in-progress" }));
    expect(twiml.map((verb) => verb.verb)).toEqual(["say", "dial"]);
    expect(bench.recorded("ended")).toMatchObject([
      { outcome: "failed", reason: "upstream_account" },
    ]);
  });

  it("tries a model that does not answer twice within twice the time-out, then falls back", async () => {
    const bench = new CallBench();
    const parameters = await bench.ring();
    const stream = bench.stream();
    stream.start(sid(1), parameters);
    bench.run(3_200, 50);
    expect(bench.dialer.sockets).toHaveLength(2);
    bench.run(2_900, 50);
    expect(stream.closedWith).toBe(1000);
    expect(bench.dialer.sockets).toHaveLength(2);
  });

  it("hangs up after a normal end, and sends a call that it never saw to fallback", async () => {
    const bench = new CallBench();
    const { stream } = await bench.talk();
    bench.calls.find(sid(1))!.leave({ kind: "end", reason: "done", farewell: "none" });
    expect(stream.closedWith).toBe(1000);
    const inProgress = { CallStatus: "in-progress" };
    expect(await bench.calls.connectEnded(bench.form(1, inProgress))).toEqual([{ verb: "hangup" }]);
    const unknown = await bench.calls.connectEnded(bench.form(77, inProgress));
    expect(unknown.map((verb) => verb.verb)).toEqual(["say", "dial"]);
  });

  it.each(["before", "after"])(
    "gives the caller back to the agent, who is heard again, when the stream broke and its socket closes %s Twilio asks",
    async (when) => {
      const bench = new CallBench();
      const { stream, model } = await bench.talk();
      model.created("r1");
      model.delta("r1", "i1", 40_000);
      bench.run(300);
      if (when === "before") stream.receiver!.closed(1006);
      const twiml = await bench.calls.connectEnded(bench.form(1, { CallStatus: "in-progress" }));
      const next = bench.stream();
      next.phone.advance(bench.clock.nowMs());
      next.start(sid(1), parametersOf(twiml));
      if (when === "after") stream.receiver!.closed(1006);
      const second = bench.dialer.last;
      second.becomesReady();
      expect(second.of("response.create")).toHaveLength(1);
      expect(bench.calls.find(sid(1))!.state.name).toBe("talking");
      second.created("r2");
      second.delta("r2", "i2", 1_600);
      second.says(audioDone("r2", "i2"));
      second.done("r2");
      bench.run(500);
      expect(next.phone.heard).toHaveLength(1_600);
      expect(bench.recorded("agent_heard")).toMatchObject([
        { itemId: "i1" },
        { itemId: "i2", heardMs: 200, receivedMs: 200 },
      ]);
    },
  );

  it.each([
    ["missing", () => ({})],
    ["invalid", (good: Record<string, string>) => ({ ...good, token: `${good["token"]}x` })],
    ["invalid", (good: Record<string, string>) => ({ ...good, agent: "other" })],
    ["invalid", () => ({ token: "rubbish" })],
  ])(
    "refuses a stream whose token is %s, before anything reaches the model",
    async (reason, forge) => {
      const bench = new CallBench(agent(), { prewarm: false });
      const good = await bench.ring();
      const stream = bench.stream();
      stream.start(sid(1), forge(good) as Record<string, string>);
      expect(stream.closedWith).toBe(1008);
      expect(bench.dialer.sockets).toEqual([]);
      expect(bench.fake.count("authFailures", { surface: "token" })).toBe(1);
      expect(reason).toBeTruthy();
    },
  );

  it("refuses a token that was used, has expired, or is of another call or account", async () => {
    const bench = new CallBench(agent(), { prewarm: false });
    const good = await bench.ring();
    bench.stream().start(sid(1), good);
    const replay = bench.stream();
    replay.start(sid(1), good);
    const other = bench.stream();
    other.start(sid(2), await bench.ring(1));
    const foreign = bench.stream();
    foreign.start(sid(3), await bench.ring(3), `AC${"1".repeat(32)}`);
    const late = await bench.ring(4);
    bench.run(119_000, 1000);
    const fresh = bench.stream();
    fresh.start(sid(4), late);
    expect(fresh.closedWith).toBeNull();
    expect(fresh.closedWith).toBeNull();
    const late2 = await bench.ring(5);
    bench.run(121_000, 1000);
    const expired = bench.stream();
    expired.start(sid(5), late2);
    expect([replay, other, foreign, expired].map((stream) => stream.closedWith)).toEqual([
      1008, 1008, 1008, 1008,
    ]);
  });

  it("closes a stream that never sends start", async () => {
    const bench = new CallBench();
    const stream: FakeStream = bench.stream();
    bench.run(10_000, 1000);
    expect(stream.closedWith).toBe(1008);
  });

  it("sends callers over the limit, and while draining, to their overflow; a repeated webhook is the same call", async () => {
    const bench = new CallBench(agent(), { maxCalls: 1 });
    await bench.ring(1);
    await bench.ring(1);
    expect(bench.dialer.sockets).toHaveLength(1);
    const full = await bench.calls.incoming(bench.form(2));
    expect(full.map((verb) => verb.verb)).toEqual(["say", "dial"]);
    expect(bench.calls.readiness()).toEqual({ ready: false, reason: "full" });
    expect(bench.fake.count("callsRejected", { reason: "full" })).toBe(1);
    expect(bench.recorded("opened", 2)).toMatchObject([{ agent: "support", from: "+15550001111" }]);
    expect(bench.recorded("ended", 2)).toMatchObject([{ outcome: "rejected", reason: "full" }]);
  });

  it("lets twenty interleaved calls share nothing: each hears and says only its own", async () => {
    const bench = new CallBench(agent(), { maxCalls: 20 });
    const lines = [];
    for (let n = 1; n <= 20; n++) lines.push({ n, ...(await bench.talk(n)) });
    for (let round = 0; round < 30; round++) {
      for (const { n, stream, model } of lines) {
        stream.frame(new Uint8Array(160).fill(n));
        if (round === n % 7) {
          model.created(`r${n}`);
          model.says({
            type: "response.output_audio.delta",
            response_id: `r${n}`,
            item_id: `i${n}`,
            output_index: 0,
            content_index: 0,
            delta: Buffer.alloc(1000 + n, 100 + n).toString("base64"),
          });
          model.says(audioDone(`r${n}`, `i${n}`));
        }
      }
      bench.run(20, 10);
    }
    bench.run(500, 20);
    for (const { n, stream, model } of lines) {
      expect(new Set(appended(model))).toEqual(new Set([n]));
      expect(appended(model)).toHaveLength(30 * 160);
      expect(new Set(stream.phone.heard)).toEqual(new Set([100 + n]));
      expect(stream.phone.heard).toHaveLength(1000 + n);
    }
  });

  it("ends on the caller's hang-up, gives all memory back and stops every timer", async () => {
    const bench = new CallBench();
    const { stream, model } = await bench.talk();
    model.created("r1");
    model.delta("r1", "i1", 40_000);
    bench.run(100);
    stream.stop(sid(1));
    expect(model.closedWith).toBe(1000);
    expect(bench.pool.lent).toBe(0);
    expect(bench.registry.load).toBe(0);
    expect(bench.clock.pending).toBe(0);
    expect(bench.recorded("ended")).toMatchObject([
      { outcome: "completed", reason: "caller_hung_up" },
    ]);
    expect(bench.tools[0]!.cancelled).toBe(true);
  });

  it("tells the model what was typed, once the caller pauses", async () => {
    const bench = new CallBench();
    const { stream, model } = await bench.talk();
    model.created("r1");
    model.done("r1");
    stream.key("4");
    bench.run(1_000, 100);
    stream.key("2");
    bench.run(1_600, 100);
    expect(JSON.stringify(model.of("conversation.item.create"))).toContain("keypad: 42");
    expect(model.of("response.create")).toHaveLength(2);
  });

  it("counts what the call costs, and takes the caller to a human at its limit", async () => {
    const base = agent();
    const bench = new CallBench(agent({ limits: { ...base.limits, maxCostUsd: 0.3 } }));
    const { model } = await bench.talk();
    const respond = (id: string): void => {
      model.created(id);
      model.delta(id, `item-${id}`, 800);
      model.says(audioDone(id, `item-${id}`));
      model.done(id, {
        usage: { output_tokens: 200, output_token_details: { audio_tokens: 200 } },
      });
      bench.run(100);
    };
    respond("r1");
    expect(bench.calls.find(sid(1))!.state.name).toBe("talking");
    respond("r2");
    expect(bench.calls.find(sid(1))!.state.name).toBe("leaving");
    expect(JSON.stringify(model.of("response.create").at(-1))).toContain("connecting them");
    respond("r3");
    expect(bench.handedOver).toMatchObject([[sid(1), { by: "limit", reason: "max_cost_usd" }]]);
    expect(bench.fake.count("cost", { agent: "support" })).toBeCloseTo(0.6);
  });

  it("says goodbye and hangs up a caller of whom nothing was heard for long", async () => {
    const base = agent();
    const bench = new CallBench(agent({ limits: { ...base.limits, idleHangupS: 30 } }));
    const { model, stream } = await bench.talk();
    model.speaks("r1");
    bench.run(15_300, 100);
    expect(JSON.stringify(model.of("response.create").at(-1))).toContain("still there");
    model.speaks("r1b");
    bench.run(14_100, 100);
    expect(bench.calls.find(sid(1))!.state.name).toBe("talking");
    bench.run(2_000, 100);
    expect(JSON.stringify(model.of("response.create").at(-1))).toContain("goodbye");
    model.created("r2");
    model.delta("r2", "i2", 8_000);
    model.says(audioDone("r2", "i2"));
    model.done("r2");
    bench.run(900);
    expect(stream.closedWith).toBeNull();
    bench.run(300);
    expect(stream.closedWith).toBe(1000);
    expect(bench.recorded("ended")).toMatchObject([{ outcome: "completed", reason: "idle" }]);
  });

  it("warns the caller a minute before the call's time is over, then takes them to a human", async () => {
    const base = agent();
    const bench = new CallBench(agent({ limits: { ...base.limits, maxCallMinutes: 10 } }));
    const { model } = await bench.talk();
    model.speaks("r1");
    bench.run(9 * 60_000 - 200, 100);
    expect(model.of("response.create")).toHaveLength(1);
    bench.run(300, 100);
    expect(JSON.stringify(model.of("response.create").at(-1))).toContain("a minute is left");
    model.speaks("r2");
    bench.run(60_000, 100);
    expect(bench.calls.find(sid(1))!.state.name).toBe("leaving");
    expect(model.of("response.create")).toHaveLength(3);
    expect(bench.recorded("note")).toMatchObject([
      { name: "limit", fields: { limit: "time_warning" } },
      { name: "limit", fields: { limit: "max_call_minutes" } },
    ]);
  });

  it("greets after the caller look-up, which the model is told; also when unknown", async () => {
    let tell: (profile: CallerProfile | null) => void = () => undefined;
    const lookUp = (): Promise<CallerProfile | null> => new Promise((resolve) => (tell = resolve));
    const speaks = agent({ languages: new Map([["es", { voice: null, instructions: "Habla." }]]) });
    const bench = new CallBench(speaks, {}, undefined, lookUp);
    const { model, stream } = await bench.talk();
    expect(model.of("response.create")).toEqual([]);
    stream.frame(frame(1));
    expect(appended(model)).toEqual(Buffer.from(frame(1)));
    tell({
      name: "Ada",
      language: "es-MX",
      notes: null,
      openCases: [{ id: "7", subject: "late" }],
    });
    await Promise.resolve();
    await Promise.resolve();
    expect(JSON.stringify(model.of("conversation.item.create"))).toMatch(/Ada.*Open case 7: late/);
    expect(JSON.stringify(model.of("session.update").at(-1))).toContain("Habla.");
    expect(JSON.stringify(model.of("response.create"))).toContain("es");

    const unknown = new CallBench(agent(), {}, undefined, async () => null);
    const other = await unknown.talk();
    await Promise.resolve();
    expect(other.model.of("response.create")).toHaveLength(1);
    expect(other.model.of("conversation.item.create")).toEqual([]);
  });

  it("tells the session date, time and the caller's number, and fills in placeholders", async () => {
    const knows = agent({
      timeZone: "America/New_York",
      tellCallerNumber: true,
      greeting: "Happy {{weekday}}!",
      say: "It is {{weekday}}.",
    });
    const bench = new CallBench(knows);
    const twiml = await bench.service.incoming(bench.form(1));
    expect(twiml[0]).toMatchObject({
      verb: "say",
      text: expect.stringMatching(/^It is \w+day\.$/),
    });
    const { model } = await bench.talk(2);
    const { instructions } = model.of("session.update")[0]!["session"] as { instructions: string };
    expect(instructions).toMatch(
      /^Be brief\.\n\nAbout this call:\n- It is \w+day, .* America\/New_York/,
    );
    expect(instructions).toContain(bench.form(2)["From"]);
    expect(JSON.stringify(model.of("response.create"))).toMatch(/Happy \w+day!/);
  });

  it("fills in what the look-up answers, in say, greeting and a session that was opened before", async () => {
    let tell: (profile: CallerProfile | null) => void = () => undefined;
    const lookUp = (): Promise<CallerProfile | null> => new Promise((resolve) => (tell = resolve));
    const knows = agent({
      instructions: "Help {{caller.name}}.",
      greeting: "Hi {{caller.name}}!",
      say: "Hello {{caller.name}}.",
    });
    const bench = new CallBench(knows, {}, undefined, lookUp);
    const answered = bench.service.incoming(bench.form(1));
    await Promise.resolve();
    bench.dialer.last.becomesReady();
    const model = bench.dialer.last;
    expect(JSON.stringify(model.of("session.update"))).toContain("Help.");
    tell({ name: "Ada", language: null, notes: null, openCases: [], fields: { name: "Ada" } });
    const twiml = await answered;
    expect(twiml[0]).toMatchObject({ verb: "say", text: "Hello Ada." });
    expect(JSON.stringify(model.of("session.update").at(-1))).toContain("Help Ada.");
    const stream = bench.stream();
    stream.start(sid(1), parametersOf(twiml));
    expect(JSON.stringify(model.of("response.create"))).toContain("Hi Ada!");
  });

  it("writes no phone number and no speech to the log", async () => {
    const bench = new CallBench();
    const { model, stream } = await bench.talk();
    model.says({
      type: "conversation.item.input_audio_transcription.completed",
      item_id: "u",
      content_index: 0,
      transcript: "my secret is swordfish",
    });
    model.says({ type: "error", error: { type: "x", code: "server_error", message: "swordfish" } });
    model.drops();
    stream.says({ event: "media", oops: "swordfish" });
    const text = bench.log.lines.join("\n");
    expect(text).not.toContain("swordfish");
    expect(text).not.toContain("15550001111");
  });
});
