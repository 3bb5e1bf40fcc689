/**
 * TwiML data → XML text, through Twilio's own builder. It is the only place where TwiML becomes
 * markup, so that no words of a caller or a model can become a verb.
 */
import twilio from "twilio";
import type Voice from "twilio/lib/twiml/VoiceResponse.js";
import { assertNever } from "../../domain/errors.js";
import { shortened } from "../../domain/shortened.js";
import type { DialNoun, Twiml, TwimlCallback, TwimlVerb } from "../../wire/twiml.js";
import { fittedParameters, MAX_SAY_CHARS } from "../../wire/twiml-limits.js";
import { StreamTemplates } from "./stream-template.js";

const streams = new StreamTemplates((verb) => build([verb]), xmlText);

/** @returns  a whole XML document, without characters that XML 1.0 does not allow. */
export function renderTwiml(twiml: Twiml): string {
  const [only] = twiml;
  if (twiml.length === 1 && only?.verb === "connect_stream") return streams.render(only);
  return build(twiml);
}

function build(twiml: Twiml): string {
  const response = new twilio.twiml.VoiceResponse();
  for (const verb of twiml) append(response, verb);
  return response.toString();
}

/**
 * A text without the characters that XML 1.0 (section 2.2) does not allow: control characters other
 * than tab, line feed and carriage return, lone surrogates, U+FFFE and U+FFFF.
 */
export function xmlText(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these characters are removed
  return text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff\p{Surrogate}]/gu, "");
}

/** Twilio refuses longer texts, and with them the whole document. */
function spoken(text: string): string {
  return shortened(xmlText(text), MAX_SAY_CHARS);
}

function append(response: Voice, verb: TwimlVerb): void {
  switch (verb.verb) {
    case "say":
      response.say(
        attributes<Voice.SayAttributes>({ language: verb.language, loop: verb.loop }),
        spoken(verb.text),
      );
      return;
    case "play": {
      const options = attributes<Voice.PlayAttributes>({ digits: verb.digits, loop: verb.loop });
      if (verb.url === undefined) response.play(options);
      else response.play(options, xmlText(verb.url));
      return;
    }
    case "pause":
      response.pause({ length: verb.seconds });
      return;
    case "hangup":
      response.hangup();
      return;
    case "reject":
      response.reject({ reason: verb.reason });
      return;
    case "redirect":
      response.redirect({ method: "POST" }, xmlText(verb.url));
      return;
    case "leave":
      response.leave();
      return;
    case "connect_stream": {
      const stream = response.connect({ action: xmlText(verb.action), method: "POST" }).stream(
        attributes<Voice.StreamAttributes>({
          url: xmlText(verb.url),
          statusCallback: clean(verb.statusCallback),
          statusCallbackMethod: verb.statusCallback === undefined ? undefined : "POST",
        }),
      );
      for (const [name, value] of Object.entries(fittedParameters(verb.parameters)))
        stream.parameter({ name: xmlText(name), value: xmlText(value) });
      return;
    }
    case "dial": {
      const dial = response.dial(
        attributes<Voice.DialAttributes>({
          action: clean(verb.action),
          method: verb.action === undefined ? undefined : "POST",
          timeout: verb.timeoutS,
          timeLimit: verb.timeLimitS,
          callerId: clean(verb.callerId),
          answerOnBridge: verb.answerOnBridge,
        }),
      );
      appendNoun(dial, verb.target);
      return;
    }
    case "enqueue": {
      const { target } = verb;
      const shared = { action: xmlText(verb.action), method: "POST", waitUrl: clean(verb.waitUrl) };
      if (target.type === "queue") {
        response.enqueue(attributes<Voice.EnqueueAttributes>(shared), xmlText(target.name));
        return;
      }
      response
        .enqueue(
          attributes<Voice.EnqueueAttributes>({
            ...shared,
            workflowSid: xmlText(target.workflowSid),
          }),
        )
        .task(
          attributes<Voice.TaskAttributes>({ priority: target.priority, timeout: target.timeoutS }),
          xmlText(JSON.stringify(target.attributes)),
        );
      return;
    }
    case "gather": {
      const gather = response.gather({
        action: xmlText(verb.action),
        method: "POST",
        numDigits: verb.numDigits,
        timeout: verb.timeoutS,
      });
      for (const prompt of verb.prompts)
        gather.say(
          attributes<Voice.SayAttributes>({ language: prompt.language }),
          spoken(prompt.text),
        );
      return;
    }
    default:
      assertNever(verb);
  }
}

function appendNoun(dial: ReturnType<Voice["dial"]>, noun: DialNoun): void {
  switch (noun.type) {
    case "number":
      dial.number(
        attributes<Voice.NumberAttributes>({
          sendDigits: clean(noun.sendDigits),
          url: clean(noun.url),
          ...callback(noun.statusCallback),
        }),
        xmlText(noun.e164),
      );
      return;
    case "sip":
      dial.sip(
        attributes<Voice.SipAttributes>({ url: clean(noun.url), ...callback(noun.statusCallback) }),
        xmlText(noun.uri),
      );
      return;
    case "client":
      dial.client(
        attributes<Voice.ClientAttributes>({
          url: clean(noun.url),
          ...callback(noun.statusCallback),
        }),
        xmlText(noun.identity),
      );
      return;
    case "queue":
      dial.queue(attributes<Voice.QueueAttributes>({ url: clean(noun.url) }), xmlText(noun.name));
      return;
    case "conference":
      dial.conference(
        attributes<Voice.ConferenceAttributes>({
          participantLabel: xmlText(noun.label),
          startConferenceOnEnter: noun.startConferenceOnEnter,
          endConferenceOnExit: noun.endConferenceOnExit,
          beep: String(noun.beep),
          waitUrl: clean(noun.waitUrl),
          ...callback(noun.statusCallback),
        }),
        xmlText(noun.name),
      );
      return;
    default:
      assertNever(noun);
  }
}

function callback(target: TwimlCallback | undefined) {
  if (target === undefined) return {};
  return {
    statusCallback: xmlText(target.url),
    statusCallbackMethod: "POST",
    statusCallbackEvent: target.events?.join(" "),
  };
}

function clean(text: string | undefined): string | undefined {
  return text === undefined ? undefined : xmlText(text);
}

/**
 * Omits values that are not set: the builder would write attributes without a value. It writes any
 * other value as text. Its closed lists of languages and events are older than Twilio's and are not
 * used.
 */
function attributes<A>(all: { [K in keyof A]?: string | number | boolean | undefined }): A {
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)) as A;
}
