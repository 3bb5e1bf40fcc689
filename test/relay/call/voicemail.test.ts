import { describe, expect, it } from "vitest";
import { CallEventLog } from "../../../src/relay/call/call-event-log.js";
import type { CallState, Disposition } from "../../../src/relay/call/call-events.js";
import type { Greeting } from "../../../src/relay/call/greeting.js";
import { Voicemail, type VoicemailHost } from "../../../src/relay/call/voicemail.js";
import { sid } from "../../fakes/call-bench.js";
import { FakeClock } from "../../fakes/fake-clock.js";

function stage(name: CallState["name"], isDone = true) {
  const clock = new FakeClock();
  const done: string[] = [];
  const host = {
    state: { name },
    eventLog: new CallEventLog(sid(1), { write: () => undefined }, () => clock.nowMs()),
    reply: { withdraw: () => void done.push("no reply is owed") },
    leave: (disposition: Disposition) => void done.push(disposition.kind),
    ask: () => void done.push("ask"),
    tellModel: () => void done.push("tell"),
  } as unknown as VoicemailHost;
  const greeting = {
    isDone,
    postpone: () => void done.push("postpone the greeting"),
    replaceBy: () => void done.push("replace the greeting"),
  } as unknown as Greeting;
  return { clock, done, one: new Voicemail(host, greeting, clock) };
}

describe("an answering machine on an outbound call", () => {
  it("is listened to before a message is left: nothing is said meanwhile", () => {
    const { clock, done, one } = stage("talking");
    one.answeredBy("machine_start");
    expect(done).toEqual(["postpone the greeting", "no reply is owed"]);
    one.machine.speech("started", clock.nowMs());
    for (let i = 0; i < 50; i++) {
      clock.advance(100);
      one.tick(clock.nowMs());
    }
    expect(done).toHaveLength(2);
    one.answeredBy("machine_end_beep");
    expect(done.slice(2)).toEqual(["ask"]);
  });

  it("gets its message after 2.5 s of silence where no beep is told", () => {
    const { clock, done, one } = stage("talking");
    one.answeredBy("machine_start");
    one.machine.speech("started", clock.nowMs());
    clock.advance(4_000);
    one.machine.speech("stopped", clock.nowMs());
    clock.advance(2_499);
    one.tick(clock.nowMs());
    expect(done).toHaveLength(2);
    clock.advance(1);
    one.tick(clock.nowMs());
    one.tick(clock.nowMs());
    expect(done.slice(2)).toEqual(["ask"]);
  });

  it.each([
    ["offered", true, "replace the greeting"],
    ["connecting", false, "replace the greeting"],
    ["talking", false, "replace the greeting"],
    ["talking", true, "ask"],
    ["redialing", true, "tell"],
    ["returning", true, "tell"],
  ] as const)("%s (greeted: %s): %s", (state, greeted, expected) => {
    const { done, one } = stage(state, greeted);
    one.answeredBy("machine_end_silence");
    expect(done).toEqual([expected]);
  });

  it.each(["leaving", "handing_over", "ended"] as const)("gets no message while %s", (state) => {
    const { done, one } = stage(state);
    one.answeredBy("machine_end_other");
    expect(done).toEqual([]);
  });

  it("is hung up on when it is a fax, and a person is talked with", () => {
    const fax = stage("talking");
    fax.one.answeredBy("fax");
    expect(fax.done).toEqual(["end"]);
    const person = stage("talking");
    person.one.answeredBy("human");
    expect(person.done).toEqual([]);
  });
});
