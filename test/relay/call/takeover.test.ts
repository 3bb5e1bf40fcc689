import { describe, expect, it } from "vitest";
import { type TakenOverCall, Takeover } from "../../../src/relay/call/takeover.js";

const VOICE = Buffer.alloc(160, 0x55).toString("base64");

/** `isSlow`: the model is back when the test says so. */
function call(
  changes: { state?: string; takeOver?: boolean; isSlow?: boolean; isHeard?: boolean } = {},
) {
  const done: string[] = [];
  const back: (() => void)[] = [];
  const told: string[] = [];
  const clock = { ms: 1_000 };
  const keep =
    (what: string) =>
    (...args: readonly unknown[]) =>
      void done.push([what, ...args].join(" "));
  const session = {};
  const host = {
    state: { name: changes.state ?? "talking" },
    path: {
      capabilities: { takeOver: changes.takeOver ?? true },
      isSupervisorHeard: changes.isHeard ?? true,
      silenceModel: keep("model silenced"),
      restoreModel: (done: () => void) => {
        host.eventLog.note("model restored");
        if (changes.isSlow === true) back.push(done);
        else done();
      },
      playVoice: (ulaw: Uint8Array) => void done.push(`voice ${ulaw.length} ${ulaw[0]}`),
    },
    get session() {
      return takeover.isModelOut ? null : session;
    },
    noteModel: (text: string) => void told.push(text),
    eventLog: {
      note: (name: string, fields: object = {}) =>
        void done.push(`${name} ${Object.values(fields).join(" ")}`),
      remember: (fact: string) => void done.push(`remembered ${fact}`),
    },
    tools: {
      sessionReady: () => {
        done.push("tools told");
        return true;
      },
    },
    reply: { withdraw: keep("nothing owed") },
    budget: { limits: { callerActive: keep("caller active") } },
    dispatch: ({ type, code }: { type: string; code: string }) => void done.push(`${type} ${code}`),
    tellModel: (fact: string) => void told.push(fact),
  };
  const takeover: Takeover = new Takeover(host as unknown as TakenOverCall, () => clock.ms);
  return { takeover, done, told, back, clock, host };
}

describe("a take-over", () => {
  it("silences the model, lets the caller hear the supervisor, and tells the model afterwards", () => {
    const { takeover, done, told, clock } = call();
    expect([takeover.isOn, takeover.listener]).toEqual([false, null]);
    expect(takeover.begin("ada", 3)).toBeNull();
    expect([takeover.isOn, takeover.listener]).toEqual([true, 3]);
    takeover.voice(3, VOICE);
    takeover.note("They typed 7.");
    clock.ms += 9_600;
    expect(takeover.handBack("asked", "Refund granted.")).toBeNull();
    expect(takeover.isOn).toBe(false);
    expect(done).toEqual([
      "model silenced",
      "nothing owed",
      "supervisor_took_over ada 3",
      "voice 160 85",
      "nothing owed",
      "caller active 10600",
      "supervisor_handed_back ada asked",
      "model restored ",
      "caller active 10600",
      "nothing owed",
      "tools told",
    ]);
    expect(told[0]).toBe("They typed 7.");
    expect(told[1]).toMatch(/ada.*about 10 seconds.*Refund granted\./);
  });

  it.each([
    ["the call is with no agent", { state: "redialing" }, "not_live"],
    ["no one can be heard in place of the model", { takeOver: false }, "path"],
  ] as const)("is refused when %s", (_, changes, refusal) => {
    const { takeover, done } = call(changes);
    expect(takeover.begin("ada", 1)).toBe(refusal);
    expect(done).toEqual([]);
  });

  it("tells the model only the note of a supervisor who was never connected", () => {
    const { takeover, told, done } = call({ isHeard: false });
    takeover.begin("ada", 1);
    takeover.handBack("asked", null);
    expect([told, takeover.isModelOut]).toEqual([[], false]);
    takeover.begin("ada", 1);
    done.length = 0;
    takeover.handBack("asked", "They are a new customer.");
    expect(told).toEqual([expect.stringContaining("They are a new customer.")]);
    expect(told.join()).not.toContain("ada");
    // The next session is told it, too, if this one is lost.
    expect(done.join("\n")).toMatch(/remembered .*They are a new customer/);
    // What the model owes the caller it owes still: it was not cut off.
    expect(done).not.toContain("nothing owed");
    expect(done).toContain("tools told");
  });

  it("tells the model once it is heard again, or with the next take-over that was quicker", () => {
    const { takeover, told, done, back } = call({ isSlow: true });
    takeover.begin("ada", 1);
    takeover.handBack("asked", "First.");
    expect(told).toEqual([]);
    takeover.begin("ben", 2);
    back[0]!();
    expect(told).toEqual([]);
    takeover.handBack("asked", "Second.");
    back[1]!();
    expect(told).toHaveLength(2);
    expect(told[0]).toMatch(/ada.*First\./);
    expect(told[1]).toMatch(/ben.*Second\./);
    // Who spoke last is remembered by `tellModel`.
    expect(done.join("\n")).toMatch(/remembered .*First/);
  });

  it("keeps what is for the model until it is back, and lets another supervisor begin", () => {
    const { takeover, told, back, host } = call({ isSlow: true });
    takeover.begin("ada", 1);
    takeover.handBack("asked", null);
    expect([takeover.isOn, takeover.isModelOut, host.session]).toEqual([false, true, null]);
    takeover.note("They typed 7.");
    expect(takeover.begin("ben", 2)).toBeNull();
    takeover.handBack("asked", null);
    // The first one's end does not bring back a model that the second has put on hold.
    back[0]!();
    expect([takeover.isModelOut, told]).toEqual([true, []]);
    back[1]!();
    expect(takeover.isModelOut).toBe(false);
    expect(told[0]).toBe("They typed 7.");
    expect([told[1], told[2]].map((text) => /ada|ben/.exec(text!)?.[0])).toEqual(["ada", "ben"]);
    takeover.note("Nobody is out.");
    takeover.begin("ada", 1);
    takeover.handBack("asked", null);
    back[2]!();
    expect(told.join()).not.toContain("Nobody is out.");
  });

  it("whose call moves on before the model is back leaves the session to its farewell", () => {
    const { takeover, told, done, back, host } = call({ isSlow: true });
    takeover.begin("ada", 1);
    takeover.handBack("asked", "Refund granted.");
    takeover.drop();
    expect(host.session).not.toBeNull();
    done.length = 0;
    back[0]!();
    expect(done.at(-1)).toMatch(/remembered .*Refund granted/);
    expect(told.join()).toContain("Refund granted");
  });

  it.each([
    ["no other can be had", "talking", false],
    ["the other one is lost, too", "redialing", true],
  ])(
    "keeps the caller when the model is lost and %s, until the hand-back",
    (_, state, retryable) => {
      const { takeover, done, told, host } = call();
      takeover.begin("ada", 1);
      host.state.name = state;
      done.length = 0;
      takeover.modelLost({ type: "session_lost", code: "upstream_closed", retryable });
      expect([done, takeover.isOn]).toEqual([[], true]);
      takeover.handBack("asked", "Refund granted.");
      expect(done[0]).toMatch(/remembered .*Refund granted/);
      expect(done.slice(-3)).toEqual([
        "supervisor_handed_back ada asked",
        "model restored ",
        "session_lost upstream_closed",
      ]);
      expect([takeover.isModelOut, told]).toEqual([false, []]);
    },
  );

  it("lets another model be called in meanwhile, and forgets a loss when the call moves on", () => {
    const { takeover, done } = call();
    const lost = { type: "session_lost", code: "upstream_closed", retryable: true } as const;
    takeover.begin("ada", 1);
    takeover.modelLost(lost);
    expect(done.pop()).toBe("session_lost upstream_closed");
    takeover.modelLost({ type: "session_unavailable", code: "upstream_timeout" });
    takeover.drop();
    takeover.begin("ada", 1);
    takeover.handBack("asked", null);
    expect(done.join()).not.toContain("session_unavailable");
    takeover.modelLost({ ...lost, retryable: false });
    expect(done.pop()).toBe("session_lost upstream_closed");
  });

  it("tells the model of a line that failed, and claims no conversation", () => {
    const { takeover, told } = call();
    takeover.begin("ada", 1);
    takeover.handBack("no_line", null);
    expect(told[0]).toMatch(/ada, wanted to speak.*line failed/);
  });

  it("does not count as silence of the caller, however long the model takes to come back", () => {
    const { takeover, done, back, clock } = call({ isSlow: true });
    takeover.begin("ada", 1);
    clock.ms += 4_000;
    takeover.tick(clock.ms);
    expect(done).toContain("supervisor_handed_back ada no_audio");
    expect(done).toContain("caller active 5000");
    clock.ms += 1_500;
    back[0]!();
    expect(done).toContain("caller active 6500");
  });

  it("is refused while another is on, and there is no hand-back without one", () => {
    const { takeover } = call();
    expect(takeover.handBack("asked", null)).toBe("not_taken_over");
    takeover.begin("ada", 1);
    expect(takeover.begin("ben", 2)).toBe("taken_over");
    expect(takeover.listener).toBe(1);
  });

  it.each([
    ["another listener's", 2, VOICE],
    ["too much at once", 1, Buffer.alloc(1_700).toString("base64")],
    ["none", 1, ""],
    ["no base64", 1, "§§§§"],
  ])("plays no audio that is %s", (_, listener, base64) => {
    const { takeover, done } = call();
    takeover.begin("ada", 1);
    done.length = 0;
    takeover.voice(listener, base64);
    expect(done).toEqual([]);
  });

  it("ends by itself when no audio comes for four seconds, silence counting as audio", () => {
    const { takeover, done, clock } = call();
    takeover.begin("ada", 1);
    clock.ms += 3_900;
    takeover.tick(clock.ms);
    takeover.voice(1, VOICE);
    clock.ms += 3_900;
    takeover.tick(clock.ms);
    expect(takeover.isOn).toBe(true);
    clock.ms += 100;
    takeover.tick(clock.ms);
    expect(takeover.isOn).toBe(false);
    expect(done).toContain("supervisor_handed_back ada no_audio");
  });

  it("ends when the call moves on, and the model is told nothing", () => {
    const { takeover, done, told } = call();
    takeover.drop();
    expect(done).toEqual([]);
    takeover.begin("ada", 1);
    takeover.drop();
    expect(done.slice(-2)).toEqual(["supervisor_handed_back ada call_moved_on", "model restored "]);
    expect(told).toEqual([]);
  });
});
