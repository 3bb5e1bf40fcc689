import { describe, expect, it } from "vitest";
import type { CallSid } from "../../src/domain/ids.js";
import type { CallerProfile } from "../../src/ports/crm.js";
import type { CallCommand } from "../../src/relay/call/call-command.js";
import { agent, CallBench, type FakeStream, sid } from "../fakes/call-bench.js";
import type { FakeUpstream } from "../fakes/fake-upstream.js";
import { replayed } from "../fakes/replayed.js";

const SAME = { differences: [], unused: [], log: [] };

function recording(bench: CallBench, n = 1): string[] {
  return bench.flights?.get(sid(n)) ?? [];
}

async function settled(): Promise<void> {
  for (let i = 0; i < 8; i++) await undefined;
}

/** A bench that records, and a call on it that talks. */
async function talk(bench: CallBench): Promise<{ stream: FakeStream; model: FakeUpstream }> {
  bench.flights = new Map();
  const { stream, model } = await bench.talk();
  await settled();
  return { stream, model };
}

/** The caller is silent; time passes. */
function listen(bench: CallBench, stream: FakeStream, ms: number): void {
  for (let i = 0; i < ms / 20; i++) {
    stream.frame();
    bench.run(20);
  }
}

const call = (name: string, args: object) => ({
  id: `item_${name}`,
  object: "realtime.item",
  type: "function_call",
  status: "completed",
  call_id: `call_${name}`,
  name,
  arguments: JSON.stringify(args),
});

describe("a flight recording", () => {
  it("has who is recognised, in whichever order that and the session come", async () => {
    for (const early of [true, false]) {
      let tell: (profile: CallerProfile | null) => void = () => undefined;
      const lookUp = (): Promise<CallerProfile | null> =>
        new Promise((resolve) => (tell = resolve));
      const speaks = agent({
        languages: new Map([["es", { voice: "cedar", instructions: "Habla." }]]),
      });
      const bench = new CallBench(speaks, {}, undefined, lookUp);
      bench.flights = new Map();
      const parameters = await bench.ring();
      const ada = { name: "Ada", language: "es-MX", notes: null, openCases: [] };
      if (early) {
        tell(ada);
        await settled();
      }
      bench.run(40);
      bench.dialer.last.becomesReady();
      const stream = bench.stream();
      stream.start(sid(1), parameters);
      listen(bench, stream, 200);
      if (!early) tell(ada);
      await settled();
      listen(bench, stream, 200);
      expect(JSON.stringify(bench.dialer.last.of("response.create"))).toContain("es");
      expect(await replayed(recording(bench))).toMatchObject(SAME);
    }
  });

  it("has what tools did to the call, and what they answered", async () => {
    const speaks = agent({ languages: new Map([["es", { voice: null, instructions: "Habla." }]]) });
    const bench = new CallBench(speaks);
    const { stream, model } = await talk(bench);
    listen(bench, stream, 100);
    model.created("r1");
    model.done("r1", {
      output: [call("lookup_order", { query: "7" }), call("set_language", { language: "es" })],
    });
    listen(bench, stream, 800);
    bench.toolHosts[0]!.say("One moment.");
    model.created("r2");
    model.delta("r2", "i2", 1_600);
    model.done("r2");
    listen(bench, stream, 300);
    bench.toolHosts[0]!.setLanguage("es");
    bench.toolHosts[0]!.sendDtmf("12#");
    bench.tools[0]!.answer('{"found":true}');
    listen(bench, stream, 1_000);
    expect(model.of("conversation.item.create")).toHaveLength(2);
    expect(await replayed(recording(bench))).toMatchObject(SAME);
    const without = recording(bench).filter((line) => !line.includes('"event":"done"'));
    expect((await replayed(without)).differences[0]).toMatch(/missing: conversation.item.create/);
  });

  it("has what a supervisor told the model", async () => {
    const bench = new CallBench();
    const { stream } = await talk(bench);
    listen(bench, stream, 100);
    await bench.service.execute(sid(1), { type: "note", text: "A vip.", by: "ada" });
    listen(bench, stream, 100);
    await bench.service.execute(sid(1), { type: "say", text: "We pay.", by: "ada" });
    listen(bench, stream, 200);
    expect(await replayed(recording(bench))).toMatchObject(SAME);
    const without = recording(bench).filter((line) => !line.includes('"type":"note"'));
    expect((await replayed(without)).differences[0]).toMatch(/missing: conversation.item.create/);
  });

  it("has a supervisor's voice in place of the model's, and what the model was told", async () => {
    const bench = new CallBench();
    const { stream, model } = await talk(bench);
    listen(bench, stream, 100);
    model.created("r1");
    model.delta("r1", "i1", 16_000);
    listen(bench, stream, 200);
    const execute = (command: CallCommand) => bench.calls.find(sid(1))!.execute(command);
    expect(execute({ type: "take_over", by: "ada", listener: 1 })).toBeNull();
    const base64 = Buffer.alloc(160, 0x55).toString("base64");
    for (let n = 0; n < 20; n++) {
      execute({ type: "supervisor_audio", listener: 1, base64 });
      listen(bench, stream, 20);
    }
    execute({ type: "hand_back", by: "ada", reason: "asked", note: null });
    listen(bench, stream, 300);
    expect(stream.of("clear")).toHaveLength(1);
    expect(JSON.stringify(stream.of("media").at(-1))).toContain("VVVV");
    expect(await replayed(recording(bench))).toMatchObject(SAME);
  });

  it("has what tokens cost: a call that ended at its limit ends there again", async () => {
    const bench = new CallBench(
      agent({ limits: { maxCallMinutes: 20, idleHangupS: null, maxToolCalls: 40, maxCostUsd: 1 } }),
    );
    const { stream, model } = await talk(bench);
    model.created("r1");
    model.done("r1", {
      usage: {
        total_tokens: 2_000,
        input_tokens: 0,
        output_tokens: 2_000,
        input_token_details: {},
        output_token_details: { text_tokens: 0, audio_tokens: 2_000 },
      },
    });
    listen(bench, stream, 400);
    expect(bench.calls.find(sid(1))!.state.name).toBe("leaving");
    expect(await replayed(recording(bench))).toMatchObject(SAME);
    const cheaper = recording(bench).map((line) =>
      line.replace(/"in":"price","usd":2/, '"in":"price","usd":0.2'),
    );
    expect((await replayed(cheaper)).differences[0]).toContain("missing");
  });

  it("has stalls of the process: what is late again is again no fault of the model", async () => {
    const bench = new CallBench();
    bench.flights = new Map();
    const parameters = await bench.ring();
    // The dial, and later the greeting, are answered in time, and read late.
    bench.clock.standStill(5_000, () => bench.dialer.last.becomesReady());
    const stream = bench.stream();
    stream.start(sid(1), parameters);
    listen(bench, stream, 100);
    const model = bench.dialer.last;
    bench.clock.standStill(10_000, () => {
      model.created("r1");
      model.delta("r1", "i1", 8_000);
      model.done("r1");
    });
    listen(bench, stream, 2_000);
    expect(bench.dialer.sockets).toHaveLength(1);
    const lines = recording(bench);
    expect(await replayed(lines)).toMatchObject(SAME);
    const forgetful = lines.filter((line) => !line.includes('"is":"cancelled"'));
    expect((await replayed(forgetful)).differences).not.toEqual([]);
  });

  it("has what a timer brought about, at the time at which it ran", async () => {
    const bench = new CallBench();
    bench.flights = new Map();
    await bench.ring();
    // The dial and its retry run out; then no stream comes.
    bench.run(130_000, 100);
    expect(bench.recorded("ended")).toHaveLength(1);
    const lines = recording(bench);
    expect(lines.filter((line) => line.includes('"event":"timer"')).length).toBeGreaterThan(1);
    expect(await replayed(lines)).toMatchObject(SAME);
    const untimely = lines.filter((line) => !line.includes('"event":"timer"'));
    // The recording does not name them then, and they run at their own time: the same once more.
    expect(await replayed(untimely)).toMatchObject(SAME);
  });

  it("has messages that break the protocol, and hides how one gets into an MCP server", async () => {
    const bench = new CallBench();
    const secret = {
      type: "mcp" as const,
      label: "shop",
      server: { authorization: "swordfish", headers: { a: "b" } },
    };
    bench.specs.push(secret);
    const { stream, model } = await talk(bench);
    stream.receiver!.message(new Uint8Array([0xff, 0xfe, 0x7b]));
    stream.receiver!.message(
      new TextEncoder().encode('{\n "event": "mark",\n "mark": {"name": "x"}\n}'),
    );
    model.says({ type: "something.new" });
    listen(bench, stream, 100);
    expect(JSON.stringify(model.of("session.update"))).toContain("swordfish");
    const lines = recording(bench);
    expect(lines.join("\n")).not.toContain("swordfish");
    expect(lines.join("\n")).toContain("[hidden]");
    expect(lines.every((line) => !/[\r\n]/.test(line) && JSON.parse(line) !== null)).toBe(true);
    expect(lines.filter((line) => line.includes('"bytes"'))).toHaveLength(1);
    expect(await replayed(lines)).toMatchObject(SAME);
  });

  it("has what one process handed to the next, without what lets one call in the caller's name", async () => {
    const bench = new CallBench();
    bench.flights = new Map();
    const parameters = await bench.ring();
    bench.calls.find(sid(1))!.execute({
      type: "resume_from",
      handoff: {
        returning: false,
        history: [],
        replyPending: false,
        facts: "Order 4217.",
        language: "en",
        callToken: "swordfish",
      },
    });
    bench.dialer.last.becomesReady();
    const stream = bench.stream();
    stream.start(sid(1), parameters);
    listen(bench, stream, 100);
    expect(JSON.stringify(bench.dialer.last.sent)).toContain("Order 4217.");
    expect(recording(bench).join("\n")).not.toContain("swordfish");
    expect(await replayed(recording(bench))).toMatchObject(SAME);
  });

  it("goes on where another process takes the call up, and each part is played by itself", async () => {
    const bench = new CallBench();
    const { stream } = await talk(bench);
    listen(bench, stream, 100);
    const lines = [...recording(bench)];
    const other = new CallBench();
    const second = await talk(other);
    listen(other, second.stream, 300);
    expect(await replayed([...lines, ...recording(other)])).toMatchObject(SAME);
    // While it goes over, both write, piece by piece.
    const [first, last] = [lines, recording(other)];
    const piece = (writer: string, some: string[]) => [
      JSON.stringify({ at: 0, is: "writer", writer }),
      ...some,
    ];
    const mixed = [
      ...piece("a/0", first.slice(0, 10)),
      ...piece("a/1", last.slice(0, 12)),
      ...piece("a/0", first.slice(10)),
      ...piece("a/1", last.slice(12)),
    ];
    expect(await replayed(mixed)).toMatchObject(SAME);
    expect(
      (await replayed(mixed.filter((line) => !line.includes('"writer"')))).differences,
    ).not.toEqual([]);
  });

  it("says so where a replay has no use for what came", async () => {
    const bench = new CallBench();
    const { stream } = await talk(bench);
    listen(bench, stream, 100);
    const lines = recording(bench);
    const extra = JSON.stringify({ at: 90, in: "model", leg: 7, event: "opened" });
    const { unused } = await replayed([...lines, extra]);
    expect(unused).toEqual([
      "at 90 ms something came from model, but the model was not dialled by then",
    ]);
  });

  it("names its call", async () => {
    const bench = new CallBench();
    await talk(bench);
    expect(JSON.parse(recording(bench)[0]!)).toMatchObject({
      at: 0,
      is: "call",
      format: 1,
      parties: { callSid: sid(1) as CallSid, callToken: null },
    });
  });
});
