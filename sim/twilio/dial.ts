/** `<Dial>`: numbers, SIP, clients, a conference or the first of a queue. */

import type { CallLeg, RingOutcome } from "./call-leg.js";
import { callbackConfig } from "./callback-config.js";
import { participantSettings } from "./conference.js";
import { dequeue } from "./enqueue.js";
import { partyAt } from "./sip-leg.js";
import {
  actionOf,
  digitsMs,
  methodOf,
  type Next,
  STOPPED,
  type VerbContext,
  waitFor,
} from "./verb-context.js";
import type { Form } from "./web.js";
import type { XmlElement } from "./xml.js";

interface Child {
  readonly noun: XmlElement;
  readonly leg: CallLeg;
}

/** "Dial->Number: Invalid callerId value". */
const INVALID_CALLER_ID = 13214;

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
    const bridged = await dequeue(twilio, noun.text, leg, signal);
    form = { DialCallStatus: bridged ? "completed" : "no-answer", DialBridged: String(bridged) };
  } else
    form = await dialParties(verb, verb.children.length === 0 ? [noun] : verb.children, context);
  if (signal.aborted) {
    const action = verb.attributes["action"];
    if (leg.over && twilio.actionAfterHangUp && action !== undefined)
      twilio.callback(leg, action, leg.form(form), "action after hang-up", methodOf(verb).method);
    return STOPPED;
  }
  return actionOf(verb, form);
}

async function dialParties(
  verb: XmlElement,
  nouns: readonly XmlElement[],
  context: VerbContext,
): Promise<Form> {
  const { leg, signal } = context;
  const from = verb.attributes["callerId"] ?? leg.from;
  const refused = nouns.some((noun) => noun.name === "Number" && !mayCallAs(from, context));
  if (refused) {
    leg.violation(`<Dial> of a number with the caller ID ${from} (${INVALID_CALLER_ID})`);
    leg.events.add("dial_refused", { code: INVALID_CALLER_ID, from });
    return { DialCallStatus: "failed", DialBridged: "false" };
  }
  const children = nouns.map((noun) => childOf(noun, from, context));
  leg.setSound("ringing");
  const timeoutMs = Number(verb.attributes["timeout"] ?? 30) * 1000;
  const { winner, outcome } = await ringAll(children, timeoutMs, signal);
  if (!signal.aborted) leg.setSound(null);
  const sid = (winner ?? children[0])?.leg.sid ?? "";
  if (winner === null) {
    leg.events.add("dial_ended", { status: outcome, bridged: false });
    return { DialCallStatus: outcome, DialCallSid: sid, DialBridged: "false" };
  }
  leg.events.add("dial_answered", { to: winner.leg.to, sid });
  await sendDigits(winner, context);
  if (!(await whisper(winner, context))) {
    leg.events.add("dial_ended", { status: "no-answer", bridged: false });
    return { DialCallStatus: "no-answer", DialCallSid: sid, DialBridged: "false" };
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

/** Twilio shows a Twilio number, a verified one, or the numbers of the call itself. */
function mayCallAs(from: string, { leg, twilio }: VerbContext): boolean {
  if (!/^\+[1-9]\d{6,14}$/.test(from)) return false;
  return twilio.ownsNumber(from) || from === leg.from || from === leg.to;
}

function childOf(noun: XmlElement, from: string, { leg, twilio }: VerbContext): Child {
  const to = targetOf(noun);
  leg.events.add("dial", { kind: noun.name.toLowerCase(), to, from });
  return {
    noun,
    leg: twilio.addLeg({
      from,
      to,
      direction: "outbound-dial",
      parentSid: leg.sid,
      party: partyAt(twilio, to, from),
      callbacks: callbackConfig(
        noun.attributes["statusCallback"],
        noun.attributes["statusCallbackEvent"]?.split(" "),
        noun.attributes["statusCallbackMethod"],
      ),
    }),
  };
}

/** The first answer wins; the others stop ringing. */
async function ringAll(
  children: readonly Child[],
  timeoutMs: number,
  signal: AbortSignal,
): Promise<{ readonly winner: Child | null; readonly outcome: RingOutcome }> {
  const giveUp = new AbortController();
  const stop = () => giveUp.abort();
  signal.addEventListener("abort", stop, { once: true });
  const outcomes: RingOutcome[] = [];
  const winner = await new Promise<Child | null>((resolve) => {
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
  return { winner, outcome: outcomes.at(-1) ?? "failed" };
}

/** `sendDigits`: tones for the callee, once answered and before anything else is heard. */
async function sendDigits({ noun, leg }: Child, { twilio, signal }: VerbContext): Promise<void> {
  const digits = noun.attributes["sendDigits"];
  if (digits === undefined) return;
  await waitFor(twilio, digitsMs(digits) / twilio.speed, signal);
  if (!signal.aborted && !leg.over) leg.hearDigits(digits, "sendDigits");
}

/** @returns false: the callee has declined, or one of the two has gone. */
async function whisper({ noun, leg }: Child, { signal }: VerbContext): Promise<boolean> {
  const url = noun.attributes["url"];
  if (url === undefined) return true;
  const heard = await leg.runWhisper({ url, ...methodOf(noun) });
  if (!leg.over && !signal.aborted && heard) return true;
  if (signal.aborted && heard) leg.finish("completed");
  return false;
}

/** Until either side goes, or the limit is reached. */
async function bridge(other: CallLeg, context: VerbContext, limitMs: number): Promise<void> {
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
  const identity = noun.children.find((child) => child.name === "Identity")?.text ?? "";
  return `client:${noun.text === "" ? identity : noun.text}`;
}
