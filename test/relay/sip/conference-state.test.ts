import { describe, expect, it } from "vitest";
import type {
  ConferenceEffect,
  ConferenceInput,
  ConferenceState,
  ModelPlace,
} from "../../../src/relay/sip/conference-events.js";
import { modelCallOf, newConference, step } from "../../../src/relay/sip/conference-state.js";

const CALL = "rtc_1";
const NOW_MS = 100_000;

const PLACES: Readonly<Record<ModelPlace["name"], ModelPlace>> = {
  absent: { name: "absent" },
  holding: { name: "holding" },
  dialing: { name: "dialing" },
  accepting: { name: "accepting", callId: CALL, adopted: false },
  attaching: { name: "attaching", callId: CALL },
  attached: { name: "attached", callId: CALL },
  losing: { name: "losing", code: "upstream_closed", retryable: true },
  over: { name: "over" },
};

const INPUTS = {
  call_model: { type: "call_model", again: false },
  call_again: { type: "call_model", again: true },
  hold_done: { type: "hold_done", callerGone: false },
  hold_gone: { type: "hold_done", callerGone: true },
  hold_late: { type: "timer", timer: "hold" },
  caller_stuck: { type: "caller_stuck" },
  rings: { type: "rings", callId: CALL, adopted: false },
  adopted: { type: "rings", callId: CALL, adopted: true },
  accepted: { type: "accepted", callId: CALL },
  retry: {
    type: "accept_failed",
    callId: CALL,
    code: "upstream_timeout",
    pauseMs: 150,
    tries: 1,
  },
  refused: {
    type: "accept_failed",
    callId: CALL,
    code: "upstream_rejected",
    pauseMs: null,
    tries: 1,
  },
  ready: { type: "session_ready" },
  lost: { type: "session_lost", code: "upstream_closed", retryable: true },
  unavailable: { type: "session_unavailable", code: "upstream_unreachable" },
  not_added: { type: "add_failed", code: "twilio_rejected" },
  leg_ended: { type: "leg_ended" },
  model_late: { type: "timer", timer: "model" },
  grace_over: { type: "timer", timer: "grace" },
  release: { type: "release" },
  over: { type: "over" },
} as const satisfies Readonly<Record<string, ConferenceInput>>;

type Row = Readonly<Record<keyof typeof INPUTS, string>>;

/** Where the model is afterwards, and what is done. `=`: nothing changes. */
const TABLE: Readonly<Record<ModelPlace["name"], Row>> = {
  absent: {
    call_model: "dialing: store add_leg arm:model",
    call_again: "holding: hold:on arm:hold",
    hold_done: "=",
    hold_gone: "=",
    hold_late: "=",
    caller_stuck: "=",
    rings: "absent: reject",
    adopted: "accepting: accept arm:model store",
    accepted: "absent: hang_up_model",
    retry: "=",
    refused: "=",
    ready: "=",
    lost: "=",
    unavailable: "=",
    not_added: "=",
    leg_ended: "=",
    model_late: "=",
    grace_over: "=",
    release: "absent: disarm:grace disarm:model detach drop_legs",
    over: "over: disarm:join disarm:grace disarm:model detach drop_legs",
  },
  holding: {
    call_model: "=",
    call_again: "=",
    hold_done: "dialing: disarm:hold store add_leg arm:model",
    hold_gone: "absent: disarm:hold tell_caller_gone",
    hold_late: "dialing: store add_leg arm:model",
    caller_stuck: "=",
    rings: "holding: reject",
    adopted: "holding: reject",
    accepted: "holding: hang_up_model",
    retry: "=",
    refused: "=",
    ready: "=",
    lost: "=",
    unavailable: "=",
    not_added: "=",
    leg_ended: "=",
    model_late: "=",
    grace_over: "=",
    release: "absent: disarm:grace disarm:model detach drop_legs",
    over: "over: disarm:join disarm:grace disarm:model detach drop_legs",
  },
  dialing: {
    call_model: "=",
    call_again: "=",
    hold_done: "=",
    hold_gone: "=",
    hold_late: "=",
    caller_stuck: "=",
    rings: "accepting: accept store",
    adopted: "accepting: accept arm:model store",
    accepted: "dialing: hang_up_model",
    retry: "=",
    refused: "=",
    ready: "=",
    lost: "=",
    unavailable: "=",
    not_added: "absent: disarm:model detach drop_legs tell_model_lost",
    leg_ended: "absent: disarm:model detach drop_legs tell_model_lost",
    model_late: "absent: disarm:model detach drop_legs tell_model_lost",
    grace_over: "=",
    release: "absent: disarm:grace disarm:model detach drop_legs",
    over: "over: disarm:join disarm:grace disarm:model detach drop_legs",
  },
  accepting: {
    call_model: "=",
    call_again: "=",
    hold_done: "=",
    hold_gone: "=",
    hold_late: "=",
    caller_stuck: "=",
    rings: "accepting: reject",
    adopted: "accepting: reject",
    accepted: "attaching: attach:new",
    retry: "accepting: accept",
    refused: "losing: disarm:model detach hang_up_model drop_legs arm:grace",
    ready: "=",
    lost: "=",
    unavailable: "=",
    not_added: "=",
    leg_ended: "losing: disarm:model detach hang_up_model drop_legs arm:grace",
    model_late: "losing: disarm:model detach hang_up_model drop_legs arm:grace",
    grace_over: "=",
    release: "absent: disarm:grace disarm:model detach hang_up_model drop_legs",
    over: "over: disarm:join disarm:grace disarm:model detach hang_up_model drop_legs",
  },
  attaching: {
    call_model: "=",
    call_again: "=",
    hold_done: "=",
    hold_gone: "=",
    hold_late: "=",
    caller_stuck: "losing: disarm:model detach hang_up_model drop_legs arm:grace",
    rings: "attaching: reject",
    adopted: "attaching: reject",
    accepted: "attaching: hang_up_model",
    retry: "=",
    refused: "=",
    ready: "attached: disarm:model",
    lost: "attaching: attach:kept",
    unavailable: "losing: disarm:model detach hang_up_model drop_legs arm:grace",
    not_added: "=",
    leg_ended: "losing: disarm:model detach hang_up_model drop_legs arm:grace",
    model_late: "losing: disarm:model detach hang_up_model drop_legs arm:grace",
    grace_over: "=",
    release: "absent: disarm:grace disarm:model detach hang_up_model drop_legs",
    over: "over: disarm:join disarm:grace disarm:model detach hang_up_model drop_legs",
  },
  attached: {
    call_model: "=",
    call_again: "=",
    hold_done: "=",
    hold_gone: "=",
    hold_late: "=",
    caller_stuck: "losing: disarm:model detach hang_up_model drop_legs arm:grace",
    rings: "attached: reject",
    adopted: "attached: reject",
    accepted: "attached: hang_up_model",
    retry: "=",
    refused: "=",
    ready: "attached: disarm:model",
    lost: "attaching: attach:kept",
    unavailable: "losing: disarm:model detach hang_up_model drop_legs arm:grace",
    not_added: "=",
    leg_ended: "losing: disarm:model detach hang_up_model drop_legs arm:grace",
    model_late: "=",
    grace_over: "=",
    release: "absent: disarm:grace disarm:model detach hang_up_model drop_legs",
    over: "over: disarm:join disarm:grace disarm:model detach hang_up_model drop_legs",
  },
  losing: {
    call_model: "=",
    call_again: "=",
    hold_done: "=",
    hold_gone: "=",
    hold_late: "=",
    caller_stuck: "=",
    rings: "losing: reject",
    adopted: "losing: reject",
    accepted: "losing: hang_up_model",
    retry: "=",
    refused: "=",
    ready: "=",
    lost: "=",
    unavailable: "=",
    not_added: "=",
    leg_ended: "=",
    model_late: "=",
    grace_over: "absent: tell_model_lost",
    release: "absent: disarm:grace disarm:model detach drop_legs",
    over: "over: disarm:join disarm:grace disarm:model detach drop_legs",
  },
  over: {
    call_model: "=",
    call_again: "=",
    hold_done: "=",
    hold_gone: "=",
    hold_late: "=",
    caller_stuck: "=",
    rings: "over: reject",
    adopted: "over: reject",
    accepted: "over: hang_up_model",
    retry: "=",
    refused: "=",
    ready: "=",
    lost: "=",
    unavailable: "=",
    not_added: "=",
    leg_ended: "=",
    model_late: "=",
    grace_over: "=",
    release: "=",
    over: "=",
  },
};

function shown(effect: ConferenceEffect): string {
  switch (effect.do) {
    case "arm":
    case "disarm":
      return `${effect.do}:${effect.timer}`;
    case "attach":
      return `attach:${effect.conversation}`;
    case "hold":
      return `hold:${effect.on ? "on" : "off"}`;
    default:
      return effect.do;
  }
}

const at = (name: ModelPlace["name"], changes: Partial<ConferenceState> = {}): ConferenceState => ({
  ...newConference("conference"),
  callerIn: true,
  model: PLACES[name],
  ...changes,
});

function result(state: ConferenceState, input: ConferenceInput, nowMs = NOW_MS): string {
  const next = step(state, input, nowMs);
  if (next.state === state && next.effects.length === 0) return "=";
  return `${next.state.model.name}: ${next.effects.map(shown).join(" ")}`;
}

describe("the model's place in a conference", () => {
  const cells = Object.entries(TABLE).flatMap(([place, row]) =>
    Object.entries(row).map(
      ([input, expected]) =>
        [place as ModelPlace["name"], input as keyof typeof INPUTS, expected] as const,
    ),
  );
  it.each(cells)("%s, %s: %s", (place, input, expected) => {
    expect(result(at(place), INPUTS[input])).toBe(expected);
  });

  it("is that of the leg which is accepted: another call's answers change nothing", () => {
    expect(result(at("accepting"), { type: "accepted", callId: "rtc_2" })).toBe(
      "accepting: hang_up_model",
    );
    expect(result(at("accepting"), { ...INPUTS.refused, callId: "rtc_2" })).toBe("=");
  });

  it("is the leg's even if its second acceptance is refused: the first was carried out", () => {
    expect(result(at("accepting"), { ...INPUTS.refused, tries: 2 })).toBe("attaching: attach:new");
  });

  it("is another process's where an adopted call has been accepted there", () => {
    const adopted = at("accepting", {
      model: { name: "accepting", callId: CALL, adopted: true },
    });
    expect(result(adopted, INPUTS.refused)).toBe("over: disarm:model tell_taken_elsewhere");
  });

  it("is given up after five connections to one model within a minute", () => {
    const tried = (ms: number) => at("attached", { attachedMs: [0, 1, 2, 3, 4].map(() => ms) });
    expect(result(tried(NOW_MS - 59_999), INPUTS.lost)).toMatch(/^losing/);
    expect(result(tried(NOW_MS - 60_000), INPUTS.lost)).toMatch(/^attaching/);
  });

  it("tells the model's call id while there is one", () => {
    expect(modelCallOf(at("attached"))).toBe(CALL);
    expect(modelCallOf(at("dialing"))).toBeNull();
  });
});

describe("a model that was lost", () => {
  const retryable = (state: ConferenceState, input: ConferenceInput) => {
    const { state: next } = step(state, input, NOW_MS);
    return next.model.name === "losing" && next.model.retryable;
  };

  it("is replaced, unless another would end the same way", () => {
    const gone = (code: "upstream_closed" | "upstream_account") =>
      ({ type: "session_unavailable", code }) as const;
    expect(retryable(at("attached"), gone("upstream_closed"))).toBe(true);
    expect(retryable(at("attached"), gone("upstream_account"))).toBe(false);
  });

  it("is not replaced within a minute of the last replacement", () => {
    const redialled = (ms: number) => at("attached", { redialledMs: ms });
    expect(retryable(redialled(NOW_MS - 59_999), INPUTS.leg_ended)).toBe(false);
    expect(retryable(redialled(NOW_MS - 60_000), INPUTS.leg_ended)).toBe(true);
  });
});

describe("a supervisor who speaks to the caller", () => {
  const speaks = (on: boolean) => ({ type: "supervisor", speaks: on }) as const;
  const supervised = { supervised: true };

  it("is heard while another model is called in: the caller is not put on hold", () => {
    const { state, effects } = step(at("absent", supervised), INPUTS.call_again, NOW_MS);
    expect(effects.map(shown)).toEqual(["store", "add_leg", "arm:model"]);
    expect([state.callerOnHold, state.redialledMs]).toEqual([false, NOW_MS]);
    expect(result(at("attaching", supervised), INPUTS.ready)).toBe("attached: disarm:model");
  });

  it("leaves a caller who waits for a model to music, and takes them off hold to speak", () => {
    for (const place of ["dialing", "accepting"] as const) {
      const { state, effects } = step(at(place, supervised), speaks(false), NOW_MS);
      expect(effects.map(shown)).toEqual(["hold:on"]);
      expect([state.callerOnHold, state.supervised]).toEqual([true, false]);
      expect(step(state, speaks(true), NOW_MS).effects.map(shown)).toEqual(["hold:off"]);
    }
    for (const place of ["absent", "attaching", "attached", "losing"] as const)
      expect(step(at(place, supervised), speaks(false), NOW_MS).effects).toEqual([]);
    expect(step(at("attached"), speaks(true), NOW_MS).effects).toEqual([]);
  });

  it("who speaks to a caller on hold has them taken off it for the model", () => {
    const { state } = step(at("attached", supervised), INPUTS.caller_stuck, NOW_MS);
    expect([state.callerOnHold, state.model.name]).toEqual([true, "attached"]);
    const { effects } = step(state, speaks(false), NOW_MS);
    expect(effects.map(shown)).toEqual(["hold:off"]);
  });
});

describe("the caller", () => {
  it("arrives once, by Twilio's callback or after a moment without it", () => {
    const expected = step(
      newConference("conference"),
      { type: "caller_expected", returns: false },
      0,
    );
    expect(expected.effects.map(shown)).toEqual(["store", "arm:join"]);
    for (const input of [{ type: "caller_joined" }, { type: "timer", timer: "join" }] as const) {
      const { state, effects } = step(expected.state, input, 1);
      expect(effects.map(shown)).toEqual(["disarm:join", "tell_caller_arrived"]);
      expect(step(state, { type: "caller_joined" }, 2).effects).toEqual([]);
    }
  });

  it("comes back to a conference without a model", () => {
    const back = step(at("attached"), { type: "caller_expected", returns: true }, NOW_MS);
    expect([back.state.model.name, back.state.callerIn]).toEqual(["absent", false]);
    expect(back.effects.map(shown)).toEqual([
      "disarm:grace",
      "disarm:model",
      "detach",
      "hang_up_model",
      "drop_legs",
      "tell_caller_returns",
      "store",
      "arm:join",
    ]);
  });

  it("is gone where they hung up, and only moved where Twilio took them out", () => {
    const left = (hungUp: boolean) => result(at("attached"), { type: "caller_left", hungUp });
    expect(left(true)).toBe("attached: tell_caller_gone");
    expect(left(false)).toBe("attached: ");
  });

  it("is on hold from the moment another model is called until it speaks with them", () => {
    const held = step(at("absent"), INPUTS.call_again, NOW_MS).state;
    expect([held.callerOnHold, held.redialledMs]).toEqual([true, NOW_MS]);
    expect(result({ ...held, model: PLACES.attaching }, INPUTS.ready)).toBe(
      "attached: disarm:model hold:off",
    );
  });

  it("who cannot be taken off hold goes to the fallback destination", () => {
    const { state } = step(at("attached"), INPUTS.caller_stuck, NOW_MS);
    expect(state.model).toEqual({ name: "losing", code: "twilio_unavailable", retryable: false });
    // They are to wait there: another model is called in.
    expect(result(at("attaching", { callerOnHold: true }), INPUTS.caller_stuck)).toBe("=");
  });

  it("is put on hold once when the model leaves while they wait for a person", () => {
    const first = step(at("absent"), { type: "agent_left" }, NOW_MS);
    expect(first.effects.map(shown)).toEqual(["hold:on"]);
    expect(step(first.state, { type: "agent_left" }, NOW_MS).effects).toEqual([]);
    expect(step(first.state, { type: "over" }, NOW_MS).effects.map(shown)).toContain("hold:off");
  });
});

describe("a call straight from a trunk", () => {
  const trunk = newConference("trunk");

  it("comes with its caller, rings by itself, and is never dialled", () => {
    expect(trunk.callerIn).toBe(true);
    expect(result(trunk, INPUTS.rings)).toBe("accepting: accept store");
    expect(result(trunk, INPUTS.call_model)).toBe("=");
    expect(result(trunk, INPUTS.call_again)).toBe("=");
  });

  it("is lost at once with the model: there is no other leg whose end could tell more", () => {
    expect(result({ ...trunk, model: PLACES.attached }, INPUTS.leg_ended)).toBe(
      "absent: disarm:model detach hang_up_model drop_legs tell_model_lost",
    );
  });
});
