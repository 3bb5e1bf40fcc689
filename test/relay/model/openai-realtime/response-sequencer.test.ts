import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ResponseId } from "../../../../src/domain/ids.js";
import {
  AUTOMATIC_PATIENCE_MS,
  ResponseSequencer,
  UNSEEN_RESPONSE_MS,
} from "../../../../src/relay/model/openai-realtime/response-sequencer.js";

const ALREADY_ACTIVE = "conversation_already_has_active_response";
const REPLY = { instructions: null, opening: false };
const words = (instructions: string) => ({ instructions, opening: false });
const id = (text: string) => text as ResponseId;

/** Sends what is due, as the session does; null: nothing is. */
function send(s: ResponseSequencer, eventId: string, nowMs = 0) {
  return s.due(nowMs) ? s.take(eventId) : null;
}

type State = ResponseSequencer["state"];
type Input = keyof typeof INPUTS;

/** How each state is reached, by a sequencer that answers turns automatically. */
const SETUPS: Readonly<Record<State, (s: ResponseSequencer) => void>> = {
  "none, none": () => undefined,
  "none, speaking": (s) => s.speechStarted(),
  "none, ended": (s) => {
    s.speechStarted();
    s.speechStopped(0);
  },
  "requested, none": (s) => {
    s.reply("context");
    send(s, "e1");
  },
  "requested, speaking": (s) => {
    s.reply("context");
    send(s, "e1");
    s.speechStarted();
  },
  "requested, ended": (s) => {
    s.reply("context");
    send(s, "e1");
    s.speechStarted();
    s.speechStopped(0);
  },
  "active, none": (s) => s.created(id("r1")),
  "active, speaking": (s) => {
    s.created(id("r1"));
    s.speechStarted();
  },
  "active, ended": (s) => {
    s.created(id("r1"));
    s.speechStarted();
    s.speechStopped(0);
  },
};

const INPUTS = {
  speechStarted: (s: ResponseSequencer) => s.speechStarted(),
  speechStopped: (s: ResponseSequencer) => s.speechStopped(0),
  committed: (s: ResponseSequencer) => s.committed(0),
  created: (s: ResponseSequencer) => s.created(id("r2")),
  done: (s: ResponseSequencer) => s.done(id("r1")),
  "refused: already active": (s: ResponseSequencer) => s.refused("e1", ALREADY_ACTIVE, 0),
  "refused: other": (s: ResponseSequencer) => s.refused("e1", "server_error", 0),
  callerSilent: (s: ResponseSequencer) => s.callerSilent(),
};

/** The state after each input, and whether a reply that is wanted then may be sent at once. */
const TABLE: Readonly<Record<State, Readonly<Record<Input, `${State}${"" | ", send"}`>>>> = {
  "none, none": {
    speechStarted: "none, speaking",
    speechStopped: "none, none, send",
    committed: "none, ended",
    created: "active, none",
    done: "none, none, send",
    "refused: already active": "none, none, send",
    "refused: other": "none, none, send",
    callerSilent: "none, none, send",
  },
  "none, speaking": {
    speechStarted: "none, speaking",
    speechStopped: "none, ended",
    committed: "none, ended",
    created: "active, speaking",
    done: "none, speaking",
    "refused: already active": "none, speaking",
    "refused: other": "none, speaking",
    callerSilent: "none, none, send",
  },
  "none, ended": {
    speechStarted: "none, speaking",
    speechStopped: "none, ended",
    committed: "none, ended",
    created: "active, none",
    done: "none, ended",
    "refused: already active": "none, ended",
    "refused: other": "none, ended",
    callerSilent: "none, ended",
  },
  "requested, none": {
    speechStarted: "requested, speaking",
    speechStopped: "requested, none",
    committed: "requested, ended",
    created: "active, none",
    // Its beginning was never heard of.
    done: "none, none, send",
    "refused: already active": "active, none",
    "refused: other": "none, none, send",
    callerSilent: "requested, none",
  },
  "requested, speaking": {
    speechStarted: "requested, speaking",
    speechStopped: "requested, ended",
    committed: "requested, ended",
    created: "active, speaking",
    done: "none, speaking",
    "refused: already active": "active, speaking",
    "refused: other": "none, speaking",
    callerSilent: "requested, none",
  },
  "requested, ended": {
    speechStarted: "requested, speaking",
    speechStopped: "requested, ended",
    committed: "requested, ended",
    created: "active, ended",
    done: "none, ended",
    // The response that runs is the server's answer to the turn.
    "refused: already active": "active, none",
    "refused: other": "none, ended",
    callerSilent: "requested, ended",
  },
  "active, none": {
    speechStarted: "active, speaking",
    speechStopped: "active, none",
    committed: "active, ended",
    created: "active, none",
    done: "none, none, send",
    "refused: already active": "active, none",
    "refused: other": "active, none",
    callerSilent: "active, none",
  },
  "active, speaking": {
    speechStarted: "active, speaking",
    speechStopped: "active, ended",
    committed: "active, ended",
    created: "active, speaking",
    done: "none, speaking",
    "refused: already active": "active, speaking",
    "refused: other": "active, speaking",
    callerSilent: "active, none",
  },
  "active, ended": {
    speechStarted: "active, speaking",
    speechStopped: "active, ended",
    committed: "active, ended",
    created: "active, none",
    done: "none, ended",
    "refused: already active": "active, ended",
    "refused: other": "active, ended",
    callerSilent: "active, ended",
  },
};

const ROWS = Object.entries(TABLE).flatMap(([state, row]) =>
  Object.entries(row).map(
    ([input, after]) => [state as State, input as Input, after as string] as const,
  ),
);

describe("the table of ResponseSequencer", () => {
  it.each(ROWS)("%s + %s → %s", (state, input, after) => {
    const s = new ResponseSequencer(true, true);
    SETUPS[state](s);
    expect(s.state).toBe(state);
    INPUTS[input](s);
    const reached: string = s.state;
    s.reply("context");
    expect(`${reached}${s.due(0) ? ", send" : ""}`).toBe(after);
  });
});

describe("ResponseSequencer", () => {
  it("sends a request at once when nothing stands against it, and the next after that response", () => {
    const s = new ResponseSequencer(true, true);
    s.say("one", false);
    s.say("two", false);
    expect(send(s, "e1")).toEqual(words("one"));
    expect(send(s, "e2")).toBeNull();
    s.created(id("r1"));
    expect(send(s, "e2")).toBeNull();
    s.done(id("r1"));
    expect(send(s, "e2")).toEqual(words("two"));
  });

  it("makes one request of several wishes for a reply", () => {
    const s = new ResponseSequencer(true, true);
    s.reply("context");
    s.reply("context");
    s.reply("turn");
    expect(send(s, "e1")).toEqual(REPLY);
    s.created(id("r1"));
    s.done(id("r1"));
    expect(send(s, "e2")).toBeNull();
    expect(s.quiet).toBe(true);
  });

  it("sends what became due during a response once that ends", () => {
    const s = new ResponseSequencer(true, true);
    s.committed(0);
    s.created(id("r1"));
    s.reply("context");
    expect(send(s, "e1", 10)).toBeNull();
    s.done(id("r1"));
    expect(send(s, "e1", 20)).toEqual(REPLY);
  });

  it("lets the server's own answer reply to what was in the conversation when the turn ended", () => {
    const s = new ResponseSequencer(true, true);
    s.speechStarted();
    s.reply("context");
    s.speechStopped(0);
    expect(send(s, "e1")).toBeNull();
    s.committed(0);
    expect(send(s, "e1")).toBeNull();
    s.created(id("r1"));
    s.done(id("r1"));
    expect(send(s, "e1", 10)).toBeNull();
    expect(s.quiet).toBe(true);
  });

  it("replies after the server's own answer to what came too late for it", () => {
    const s = new ResponseSequencer(true, true);
    s.speechStarted();
    s.speechStopped(0);
    s.committed(0);
    s.reply("context");
    s.created(id("r1"));
    s.done(id("r1"));
    expect(send(s, "e1", 10)).toEqual(REPLY);
  });

  it("waits for the server's own answer, but not for ever", () => {
    const s = new ResponseSequencer(true, true);
    s.committed(0);
    s.reply("turn");
    expect(send(s, "e1", AUTOMATIC_PATIENCE_MS - 1)).toBeNull();
    expect(send(s, "e1", AUTOMATIC_PATIENCE_MS)).toEqual(REPLY);
  });

  it("requests the answer itself, once, when the server does not answer by itself", () => {
    const s = new ResponseSequencer(false, true);
    s.speechStarted();
    s.reply("context");
    s.speechStopped(0);
    expect(send(s, "e1")).toBeNull();
    s.committed(0);
    expect(send(s, "e1")).toEqual(REPLY);
    s.created(id("r1"));
    s.done(id("r1"));
    expect(send(s, "e2")).toBeNull();
  });

  it("cancels a response that begins after the caller did, and asks for it again", () => {
    const s = new ResponseSequencer(true, true);
    s.say("goodbye", false);
    send(s, "e1");
    s.speechStarted();
    expect(s.created(id("r1"))).toBe(true);
    s.done(id("r1"));
    s.speechStopped(0);
    s.committed(0);
    s.created(id("r2"));
    s.done(id("r2"));
    expect(send(s, "e2", 10)).toEqual(words("goodbye"));
  });

  it("does not cancel where the caller cannot interrupt", () => {
    const s = new ResponseSequencer(true, false);
    s.say("hello", true);
    send(s, "e1");
    s.speechStarted();
    expect(s.created(id("r1"))).toBe(false);
  });

  it("sends a request again, once, that was refused because another response runs", () => {
    const s = new ResponseSequencer(true, true);
    s.say("hello", false);
    send(s, "e1");
    expect(s.refused("e1", ALREADY_ACTIVE, 0)).toBe("retried");
    expect(send(s, "e2")).toBeNull();
    s.done(id("other"));
    expect(send(s, "e2")).toEqual(words("hello"));
    expect(s.refused("e2", ALREADY_ACTIVE, 0)).toBe("failed");
  });

  it("sends it again also when the other response was taken for its own", () => {
    const s = new ResponseSequencer(true, true);
    s.reply("context");
    send(s, "e1");
    s.created(id("r1"));
    expect(s.refused("e1", ALREADY_ACTIVE, 0)).toBe("retried");
    s.done(id("r1"));
    expect(send(s, "e2")).toEqual(REPLY);
  });

  it("takes the response that runs for the answer to the turn when that was all it asked for", () => {
    const s = new ResponseSequencer(true, true);
    s.committed(0);
    s.reply("turn");
    send(s, "e1", AUTOMATIC_PATIENCE_MS);
    expect(s.refused("e1", ALREADY_ACTIVE, AUTOMATIC_PATIENCE_MS)).toBe("answered");
    s.created(id("r1"));
    s.done(id("r1"));
    expect(s.quiet).toBe(true);
  });

  it("answers the turn itself when the server's own response was refused because of ours", () => {
    const s = new ResponseSequencer(true, true);
    s.say("one moment", false);
    send(s, "e1");
    s.created(id("r1"));
    s.speechStarted();
    s.speechStopped(0);
    s.committed(0);
    expect(s.refused(null, ALREADY_ACTIVE, 0)).toBe("not_ours");
    s.done(id("r1"));
    expect(send(s, "e2")).toEqual(REPLY);
  });

  it("asks again also when the response that runs is told of only after the refusal", () => {
    const s = new ResponseSequencer(true, true);
    s.reply("context");
    send(s, "e1");
    s.speechStarted();
    s.speechStopped(0);
    s.refused("e1", ALREADY_ACTIVE, 0);
    s.created(id("r1"));
    s.done(id("r1"));
    expect(send(s, "e2", 10)).toEqual(REPLY);
  });

  it("does not greet when another response was quicker", () => {
    const s = new ResponseSequencer(true, true);
    s.say("hello", true);
    send(s, "e1");
    expect(s.refused("e1", ALREADY_ACTIVE, 0)).toBe("answered");
    s.done(id("r1"));
    expect(s.quiet).toBe(true);
  });

  it("counts the wait for the server's own answer from the commit", () => {
    const s = new ResponseSequencer(true, true);
    s.speechStarted();
    s.speechStopped(0);
    s.committed(1_000);
    s.reply("turn");
    expect(send(s, "e1", 999 + AUTOMATIC_PATIENCE_MS)).toBeNull();
    expect(send(s, "e1", 1_000 + AUTOMATIC_PATIENCE_MS)).toEqual(REPLY);
  });

  it("keeps a reply to something new when the answer to a turn is wanted, too", () => {
    const s = new ResponseSequencer(true, true);
    s.committed(0);
    s.reply("context");
    s.reply("turn");
    s.created(id("r1"));
    s.done(id("r1"));
    expect(send(s, "e1", 10)).toEqual(REPLY);
  });

  it("takes the active response for the server's own when its request was refused", () => {
    const s = new ResponseSequencer(true, true);
    s.reply("context");
    send(s, "e1");
    s.created(id("r1"));
    expect(s.refused("e1", "server_error", 0)).toBe("failed");
    expect(s.active).toBe(true);
  });

  it("does not wait without end for a response that was never seen to begin", () => {
    const s = new ResponseSequencer(true, true);
    s.reply("context");
    send(s, "e1");
    s.refused("e1", ALREADY_ACTIVE, 1_000);
    expect(send(s, "e2", 1_000 + UNSEEN_RESPONSE_MS - 1)).toBeNull();
    expect(send(s, "e2", 1_000 + UNSEEN_RESPONSE_MS)).toEqual(REPLY);
  });

  it("does not greet a caller who was answered already", () => {
    const s = new ResponseSequencer(true, true);
    s.speechStarted();
    s.say("greet", true);
    s.speechStopped(0);
    s.committed(0);
    s.created(id("r1"));
    s.done(id("r1"));
    expect(send(s, "e1")).toBeNull();
  });

  it("gives up a request that was refused for another reason, and tells whose it was", () => {
    const s = new ResponseSequencer(true, true);
    s.reply("context");
    send(s, "e1");
    expect(s.refused("other", "server_error", 0)).toBe("not_ours");
    expect(s.refused("e1", "rate_limit_exceeded", 0)).toBe("failed");
    expect(send(s, "e2")).toBeNull();
    expect(s.replyDue).toBe(false);
  });

  it("does not take the end of an older response for that of the one which runs", () => {
    const s = new ResponseSequencer(true, true);
    s.created(id("r2"));
    s.done(id("r1"));
    expect(s.active).toBe(true);
  });

  it("never requests during a response, a request or the caller's speech, in any order", () => {
    const inputs = fc.constantFrom(
      "reply",
      "turn",
      "say",
      "created",
      "done",
      "started",
      "stopped",
      "committed",
      "refused",
      "already",
      "vad refused",
      "send",
    );
    fc.assert(
      fc.property(fc.array(inputs, { maxLength: 80 }), fc.boolean(), (order, automatic) => {
        const s = new ResponseSequencer(automatic, true);
        let response: "none" | "requested" | "active" = "none";
        let speaking = false;
        let last = "";
        for (const [i, input] of order.entries()) {
          const nowMs = i * 100;
          if (input === "reply") s.reply("context");
          else if (input === "turn") s.reply("turn");
          else if (input === "say") s.say("x", false);
          else if (input === "started") {
            speaking = true;
            s.speechStarted();
          } else if (input === "stopped") {
            speaking = false;
            s.speechStopped(nowMs);
          } else if (input === "committed") {
            speaking = false;
            s.committed(nowMs);
          } else if (input === "created" && response !== "active") {
            response = "active";
            s.created(id("r"));
          } else if (input === "done" && response === "active") {
            response = "none";
            s.done(id("r"));
          } else if (input === "refused" && response === "requested") {
            response = "none";
            s.refused(last, "server_error", nowMs);
          } else if (input === "already" && response === "requested") {
            response = "active";
            s.refused(last, ALREADY_ACTIVE, nowMs);
          } else if (input === "vad refused" && response === "active")
            s.refused(null, ALREADY_ACTIVE, nowMs);
          else if (input === "send" && s.due(nowMs)) {
            // After a refusal the end of an unseen response is waited for only so long.
            if (response === "active") expect(nowMs).toBeGreaterThanOrEqual(UNSEEN_RESPONSE_MS);
            else expect([response, speaking]).toEqual(["none", false]);
            last = `e${i}`;
            s.take(last);
            response = "requested";
          }
        }
      }),
      { numRuns: 500 },
    );
  });
});

/** A server that answers turns by itself, and whose messages take their time both ways. */
class Server {
  readonly responses: { readonly turn: number; readonly own: boolean }[] = [];
  readonly #s: ResponseSequencer;
  readonly #toClient: (() => void)[] = [];
  readonly #toServer: string[] = [];
  #active = false;
  #turn = 0;
  #count = 0;
  #nowMs = 0;

  constructor(s: ResponseSequencer) {
    this.#s = s;
  }

  speech(state: "started" | "stopped"): void {
    const s = this.#s;
    if (state === "started") {
      if (this.#active) this.end();
      this.#toClient.push(() => s.speechStarted());
      return;
    }
    this.#turn++;
    this.#toClient.push(() => s.speechStopped(this.#nowMs));
    this.#toClient.push(() => s.committed(this.#nowMs));
    if (this.#active) this.#toClient.push(() => s.refused(null, ALREADY_ACTIVE, this.#nowMs));
    else this.#begin(false);
  }

  #begin(own: boolean): void {
    this.#active = true;
    const response = id(`r${++this.#count}`);
    this.responses.push({ turn: this.#turn, own });
    this.#toClient.push(() => {
      if (this.#s.created(response)) this.end();
    });
  }

  end(): void {
    if (!this.#active) return;
    this.#active = false;
    const response = id(`r${this.#count}`);
    this.#toClient.push(() => this.#s.done(response));
  }

  client(): void {
    this.#nowMs += 20;
    this.#toClient.shift()?.();
    if (!this.#s.due(this.#nowMs)) return;
    const eventId = `e${this.#nowMs}`;
    this.#s.take(eventId);
    this.#toServer.push(eventId);
  }

  server(): void {
    const eventId = this.#toServer.shift();
    if (eventId === undefined) return;
    if (this.#active)
      this.#toClient.push(() => this.#s.refused(eventId, ALREADY_ACTIVE, this.#nowMs));
    else this.#begin(true);
  }

  settle(): void {
    for (let i = 0; i < 300; i++) {
      this.client();
      this.server();
      if (i % 7 === 6) this.end();
    }
  }
}

describe("one answer per turn", () => {
  it("is given to a turn in which tool results came, whatever the delays", () => {
    const steps = fc.constantFrom("client", "client", "server", "result");
    fc.assert(
      fc.property(fc.array(steps, { maxLength: 12 }), (order) => {
        const s = new ResponseSequencer(true, true);
        const server = new Server(s);
        server.speech("started");
        server.client();
        for (const step of order) {
          if (step === "result") s.reply("context");
          else server[step]();
        }
        server.speech("stopped");
        server.settle();
        expect(server.responses).toEqual([{ turn: 1, own: false }]);
        expect(s.quiet).toBe(true);
      }),
    );
  });

  it("ends in rest, with every reply asked for, in any order of turns, results and delays", () => {
    const steps = fc.constantFrom(
      "client",
      "client",
      "server",
      "reply",
      "started",
      "stopped",
      "end",
    );
    fc.assert(
      fc.property(fc.array(steps, { maxLength: 60 }), (order) => {
        const s = new ResponseSequencer(true, true);
        const server = new Server(s);
        let speaking = false;
        for (const step of order) {
          if (step === "reply") s.reply("context");
          else if (step === "end") server.end();
          else if (step === "started" || step === "stopped") {
            if (speaking === (step === "started")) continue;
            speaking = !speaking;
            server.speech(step);
          } else server[step]();
        }
        if (speaking) server.speech("stopped");
        server.settle();
        expect([s.state, s.waiting]).toEqual(["none, none", false]);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe("asking again", () => {
  it("wants a reply where nothing is under way", () => {
    const s = new ResponseSequencer(true, true);
    s.askAgain();
    expect(send(s, "e1")).toEqual(REPLY);
  });

  it.each(["requested, none", "requested, ended", "active, none"] as const)(
    "wants no second one: %s",
    (state) => {
      const s = new ResponseSequencer(true, true);
      SETUPS[state](s);
      s.askAgain();
      s.created(id("r1"));
      s.done(id("r1"));
      expect(send(s, "e2", 60_000)).toBeNull();
    },
  );

  it("wants no second one where something waits to be said", () => {
    const s = new ResponseSequencer(true, true);
    s.speechStarted();
    s.say("Hello.", false);
    s.askAgain();
    s.callerSilent();
    expect(send(s, "e1")).toEqual(words("Hello."));
    s.created(id("r1"));
    s.done(id("r1"));
    expect(send(s, "e2", 60_000)).toBeNull();
  });
});
