/**
 * TwiML data → XML text. It is the only place where TwiML becomes markup, so that no words of a
 * caller or a model can become a verb.
 *
 * The text is the same as that of Twilio's own builder. That one makes an XML document with its
 * own options for each element: 9 KB of long-lived garbage for each call.
 */
import { assertNever } from "../../domain/errors.js";
import { shortened } from "../../domain/shortened.js";
import type { DialNoun, Twiml, TwimlCallback, TwimlVerb } from "../../wire/twiml.js";
import { fittedParameters, MAX_SAY_CHARS } from "../../wire/twiml-limits.js";

/** @returns  a whole XML document, without characters that XML 1.0 does not allow. */
export function renderTwiml(twiml: Twiml): string {
  return `<?xml version="1.0" encoding="UTF-8"?>${element("Response", {}, twiml.map(verbXml).join(""))}`;
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

/** Attributes in the order of the document; those that are undefined are left out. */
type Attributes = Readonly<Record<string, string | number | boolean | undefined>>;

/** @param content  markup. */
function element(name: string, attributes: Attributes, content = ""): string {
  let tag = `<${name}`;
  for (const [key, value] of Object.entries(attributes))
    if (value !== undefined) tag += ` ${key}="${escaped(xmlText(String(value)), ATTRIBUTE)}"`;
  return content === "" ? `${tag}/>` : `${tag}>${content}</${name}>`;
}

function textElement(name: string, attributes: Attributes, text: string): string {
  return element(name, attributes, escaped(xmlText(text), TEXT));
}

/** A reader makes spaces of line breaks and tabs in attributes, unless they are escaped. */
const ATTRIBUTE = /[&<"\t\n\r]/g;
const TEXT = /[&<>\r]/g;
const ESCAPES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "\t": "&#x9;",
  "\n": "&#xA;",
  "\r": "&#xD;",
};

function escaped(text: string, special: RegExp): string {
  return text.replace(special, (char) => ESCAPES[char] ?? char);
}

function verbXml(verb: TwimlVerb): string {
  switch (verb.verb) {
    case "say":
      return textElement("Say", { language: verb.language, loop: verb.loop }, spoken(verb.text));
    case "play":
      return textElement("Play", { digits: verb.digits, loop: verb.loop }, verb.url ?? "");
    case "pause":
      return element("Pause", { length: verb.seconds });
    case "hangup":
      return element("Hangup", {});
    case "reject":
      return element("Reject", { reason: verb.reason });
    case "redirect":
      return textElement("Redirect", { method: "POST" }, verb.url);
    case "leave":
      return element("Leave", {});
    case "connect_stream": {
      const { action, url, statusCallback } = verb;
      const parameters = Object.entries(fittedParameters(verb.parameters)).map(([name, value]) =>
        element("Parameter", { name, value }),
      );
      const statusCallbackMethod = statusCallback === undefined ? undefined : "POST";
      const stream = { url, statusCallback, statusCallbackMethod };
      return element(
        "Connect",
        { action, method: "POST" },
        element("Stream", stream, parameters.join("")),
      );
    }
    case "dial": {
      const attributes = {
        action: verb.action,
        method: verb.action === undefined ? undefined : "POST",
        timeout: verb.timeoutS,
        timeLimit: verb.timeLimitS,
        callerId: verb.callerId,
        answerOnBridge: verb.answerOnBridge,
      };
      return element("Dial", attributes, nounXml(verb.target));
    }
    case "enqueue": {
      const { target } = verb;
      const shared = { action: verb.action, method: "POST", waitUrl: verb.waitUrl };
      if (target.type === "queue") return textElement("Enqueue", shared, target.name);
      const task = { priority: target.priority, timeout: target.timeoutS };
      return element(
        "Enqueue",
        { ...shared, workflowSid: target.workflowSid },
        textElement("Task", task, JSON.stringify(target.attributes)),
      );
    }
    case "gather": {
      const { action, numDigits, timeoutS: timeout } = verb;
      const prompts = verb.prompts.map(({ language, text }) =>
        textElement("Say", { language }, spoken(text)),
      );
      return element("Gather", { action, method: "POST", numDigits, timeout }, prompts.join(""));
    }
    default:
      return assertNever(verb);
  }
}

function nounXml(noun: DialNoun): string {
  switch (noun.type) {
    case "number": {
      const { sendDigits, url } = noun;
      return textElement(
        "Number",
        { sendDigits, url, ...callback(noun.statusCallback) },
        noun.e164,
      );
    }
    case "sip":
      return textElement("Sip", { url: noun.url, ...callback(noun.statusCallback) }, noun.uri);
    case "client":
      return textElement(
        "Client",
        { url: noun.url, ...callback(noun.statusCallback) },
        noun.identity,
      );
    case "queue":
      return textElement("Queue", { url: noun.url }, noun.name);
    case "conference": {
      const { label, startConferenceOnEnter, endConferenceOnExit, beep, waitUrl } = noun;
      const attributes = {
        participantLabel: label,
        startConferenceOnEnter,
        endConferenceOnExit,
        beep,
        waitUrl,
        ...callback(noun.statusCallback),
      };
      return textElement("Conference", attributes, noun.name);
    }
    default:
      return assertNever(noun);
  }
}

function callback(target: TwimlCallback | undefined): Attributes {
  if (target === undefined) return {};
  return {
    statusCallback: target.url,
    statusCallbackMethod: "POST",
    statusCallbackEvent: target.events?.join(" "),
  };
}
