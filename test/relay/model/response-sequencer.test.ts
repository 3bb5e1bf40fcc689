import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  AUTOMATIC_PATIENCE_MS,
  ResponseSequencer,
} from "../../../src/relay/model/openai-realtime/response-sequencer.js";

const GO_ON = { instructions: null, opening: false };
const say = (instructions: string) => ({ instructions, opening: false });

describe("ResponseSequencer", () => {
  it("sends a wish at once when the floor is free, and the next only after that response", () => {
    const s = new ResponseSequencer(true);
    s.want(say("one"));
    s.want(say("two"));
    expect(s.next("e1", 0)).toEqual(say("one"));
    expect(s.next("e2", 0)).toBeNull();
    s.created();
    expect(s.next("e2", 0)).toBeNull();
    s.done();
    expect(s.next("e2", 0)).toEqual(say("two"));
  });

  it("makes several wishes to go on into one", () => {
    const s = new ResponseSequencer(true);
    s.want(GO_ON);
    s.want(GO_ON);
    expect(s.next("e1", 0)).toEqual(GO_ON);
    s.created();
    s.done();
    expect(s.next("e2", 0)).toBeNull();
    expect(s.quiet).toBe(true);
  });

  it("sends what became due during a response once that one ends", () => {
    const s = new ResponseSequencer(true);
    s.committed(0);
    s.created();
    s.want(GO_ON);
    expect(s.next("e1", 10)).toBeNull();
    s.done();
    expect(s.next("e1", 20)).toEqual(GO_ON);
  });

  it("lets the server's own answer go on with what was due before it began", () => {
    const s = new ResponseSequencer(true);
    s.speechStarted();
    s.want(GO_ON);
    expect(s.next("e1", 0)).toBeNull();
    s.committed(0);
    s.created();
    s.done();
    expect(s.next("e1", 10)).toBeNull();
    expect(s.quiet).toBe(true);
  });

  it("waits for the server's own answer, but not for ever", () => {
    const s = new ResponseSequencer(true);
    s.committed(0);
    s.want(GO_ON);
    expect(s.next("e1", AUTOMATIC_PATIENCE_MS - 1)).toBeNull();
    expect(s.next("e1", AUTOMATIC_PATIENCE_MS)).toEqual(GO_ON);
  });

  it("asks for the answer itself when the server does not answer by itself", () => {
    const s = new ResponseSequencer(false);
    s.speechStarted();
    s.committed(0);
    expect(s.next("e1", 0)).toEqual(GO_ON);
  });

  it("repeats a wish that was refused because a response of the server's own was quicker", () => {
    const s = new ResponseSequencer(true);
    s.want(say("hello"));
    expect(s.next("e1", 0)).not.toBeNull();
    expect(s.refused("e1", "conversation_already_has_active_response")).toBe(true);
    expect(s.next("e2", 0)).toBeNull();
    s.done();
    expect(s.next("e2", 0)).toEqual(say("hello"));
  });

  it("repeats it also when the other response was taken for ours before the refusal came", () => {
    const s = new ResponseSequencer(true);
    s.want(GO_ON);
    s.next("e1", 0);
    s.created();
    expect(s.refused(null, "conversation_already_has_active_response")).toBe(true);
    s.done();
    expect(s.next("e2", 0)).toEqual(GO_ON);
  });

  it("does not greet a caller who was answered already", () => {
    const s = new ResponseSequencer(true);
    s.speechStarted();
    s.want({ instructions: "greet", opening: true });
    s.committed(0);
    s.created();
    s.done();
    expect(s.next("e1", 0)).toBeNull();
  });

  it("does not repeat a wish that was refused for another reason, and says that it was ours", () => {
    const s = new ResponseSequencer(true);
    s.want(GO_ON);
    s.next("e1", 0);
    expect(s.refused("other", "server_error")).toBe(false);
    expect(s.refused("e1", "rate_limit_exceeded")).toBe(true);
    expect(s.next("e2", 0)).toBeNull();
    expect(s.busy).toBe(false);
  });

  it("never has two requests of its own in flight, in any order of events", () => {
    const events = fc.constantFrom(
      "want",
      "say",
      "created",
      "done",
      "started",
      "stopped",
      "committed",
      "next",
    );
    fc.assert(
      fc.property(fc.array(events, { maxLength: 80 }), (order) => {
        const s = new ResponseSequencer(true);
        let active = false;
        let inFlight = false;
        for (const [i, event] of order.entries()) {
          if (event === "want") s.want(GO_ON);
          else if (event === "say") s.want(say("x"));
          else if (event === "started") s.speechStarted();
          else if (event === "stopped") s.speechStopped();
          else if (event === "committed") s.committed(i * 100);
          else if (event === "created") {
            active = true;
            inFlight = false;
            s.created();
          } else if (event === "done") {
            active = false;
            s.done();
          } else if (s.next(`e${i}`, i * 100) !== null) {
            expect(active || inFlight).toBe(false);
            inFlight = true;
          }
        }
      }),
    );
  });
});
