/** `<Dial>`: numbers, SIP, clients, a conference or the first of a queue. */
import { callbackConfig } from "./callbacks.js";
import { participantSettings } from "./conference.js";
import type { Leg, RingOutcome } from "./leg.js";
import { actionOf, methodOf, type Next, STOPPED, type VerbContext } from "./program.js";
import { partyAt } from "./sip-leg.js";
import type { Form } from "./web.js";
import type { XmlElement } from "./xml.js";

export async function dial(verb: XmlElement, context: VerbContext): Promise<Next> {
  const { leg, twilio, signal } = context;
  const noun: XmlElement = verb.children[0] ?? {
    name: "Number",
    attributes: {},
    children: [],
    text: verb.text,
  };
  let form: Form;
  if (noun.name === "Conference") {
    leg.events.add("dial", { kind: "conference", to: noun.text });
    leg.answer();
    await twilio.conferences.join(leg, noun.text, participantSettings(noun), signal);
    form = { DialCallStatus: "answered" };
  } else if (noun.name === "Queue") {
    leg.events.add("dial", { kind: "queue", to: noun.text });
    leg.answer();
    const bridged = await twilio.queues.dequeue(noun.text, leg, signal);
    form = { DialCallStatus: bridged ? "completed" : "no-answer", DialBridged: String(bridged) };
  } else
    form = await dialParties(verb, verb.children.length === 0 ? [noun] : verb.children, context);
  if (signal.aborted) {
    const action = verb.attributes["action"];
    if (leg.over && twilio.actionAfterHangUp && action !== undefined)
      twilio.callback(leg, action, leg.form(form), "action after hang-up");
    return STOPPED;
  }
  return actionOf(verb, form);
}

async function dialParties(
  verb: XmlElement,
  nouns: readonly XmlElement[],
  context: VerbContext,
): Promise<Form> {
  const { leg, twilio, signal } = context;
  const timeoutMs = Number(verb.attributes["timeout"] ?? 30) * 1000;
  const from = verb.attributes["callerId"] ?? leg.from;
  const giveUp = new AbortController();
  const stop = () => giveUp.abort();
  signal.addEventListener("abort", stop, { once: true });
  const children = nouns.map((noun) => {
    const to = targetOf(noun);
    leg.events.add("dial", { kind: noun.name.toLowerCase(), to, from });
    return {
      noun,
      leg: twilio.leg({
        from,
        to,
        direction: "outbound-dial",
        parentSid: leg.sid,
        party: partyAt(twilio, to, from),
        callbacks: callbackConfig(
          noun.attributes["statusCallback"],
          noun.attributes["statusCallbackEvent"]?.split(" "),
        ),
      }),
    };
  });
  leg.setSound("ringing");
  const outcomes: RingOutcome[] = [];
  // First answer wins; the others stop ringing.
  const winner = await new Promise<(typeof children)[number] | null>((resolve) => {
    let ringing = children.length;
    for (const child of children)
      void child.leg.ring(timeoutMs, giveUp.signal).then((outcome) => {
        outcomes.push(outcome);
        ringing--;
        if (outcome === "answered") {
          resolve(child);
          giveUp.abort();
        } else if (ringing === 0) resolve(null);
      });
  });
  signal.removeEventListener("abort", stop);
  if (!signal.aborted) leg.setSound(null);
  const sid = (winner ?? children[0])?.leg.sid ?? "";
  if (winner === null) {
    const status = outcomes.at(-1) ?? "failed";
    leg.events.add("dial_ended", { status, bridged: false });
    return { DialCallStatus: status, DialCallSid: sid, DialBridged: "false" };
  }
  leg.events.add("dial_answered", { to: winner.leg.to, sid });
  const whisper = winner.noun.attributes["url"];
  if (whisper !== undefined) {
    const heard = await winner.leg.runWhisper({ url: whisper, ...methodOf(winner.noun) });
    if (winner.leg.over || signal.aborted || !heard) {
      if (signal.aborted && heard) winner.leg.finish("completed");
      leg.events.add("dial_ended", { status: "no-answer", bridged: false });
      return { DialCallStatus: "no-answer", DialCallSid: sid, DialBridged: "false" };
    }
  }
  leg.answer();
  leg.events.add("dial_bridged", { to: winner.leg.to, sid });
  leg.setBridgedWith(winner.leg.to);
  winner.leg.setBridgedWith(leg.from);
  await bridge(winner.leg, context, Number(verb.attributes["timeLimit"] ?? 14_400) * 1000);
  if (!signal.aborted) leg.setBridgedWith(null);
  leg.events.add("dial_ended", { status: "completed", bridged: true });
  return {
    DialCallStatus: "completed",
    DialCallSid: sid,
    DialCallDuration: String(winner.leg.durationS),
    DialBridged: "true",
  };
}

/** Until either side goes, or the limit is reached. */
async function bridge(other: Leg, context: VerbContext, limitMs: number): Promise<void> {
  const { twilio, signal } = context;
  const moved = await new Promise<boolean>((resolve) => {
    const settle = (elsewhere: boolean) => {
      timer.cancel();
      forgetEnd();
      forgetMove();
      signal.removeEventListener("abort", done);
      resolve(elsewhere);
    };
    const done = () => settle(false);
    const timer = twilio.clock.after(
      Math.min(other.party.talkMs ?? limitMs, limitMs, 2 ** 31 - 1),
      done,
    );
    const forgetMove = other.onMove(() => settle(true));
    signal.addEventListener("abort", done, { once: true });
    const forgetEnd = other.over ? () => {} : other.onEnd(done);
    if (signal.aborted || other.over) done();
  });
  if (!moved) other.finish("completed");
}

function targetOf(noun: XmlElement): string {
  if (noun.name !== "Client") return noun.text;
  return `client:${noun.text === "" ? (noun.children.find((child) => child.name === "Identity")?.text ?? "") : noun.text}`;
}
