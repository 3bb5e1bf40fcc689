/**
 * The verbs, nouns and attributes of Twilio's Voice reference, as far as a relay may use them.
 *
 * Source: twilio.com/docs/voice/twiml.
 */
import { sipUriFault } from "./sip-leg.js";
import type { XmlElement } from "./xml.js";

export type AttributeCheck = (value: string) => string | null;
export interface Shape {
  readonly attributes?: Readonly<Record<string, AttributeCheck>>;
  readonly required?: readonly string[];
  readonly children?: Readonly<Record<string, Shape>>;
  /** Least and most child elements. Default 0 and any. */
  readonly count?: readonly [number, number];
  readonly text?: "required" | "optional" | "none";
  /** What else must hold. */
  readonly rule?: (element: XmlElement) => string | null;
  /** Twilio does not run a document that breaks the rule. Default: it runs it all the same. */
  readonly fatal?: boolean;
}

const any: AttributeCheck = () => null;
const flag: AttributeCheck = (value) =>
  /^(true|false)$/.test(value) ? null : "is neither true nor false";
const method: AttributeCheck = (value) =>
  /^(GET|POST)$/.test(value) ? null : "is neither GET nor POST";
const whole =
  (min: number, max: number): AttributeCheck =>
  (value) =>
    /^\d+$/.test(value) && Number(value) >= min && Number(value) <= max
      ? null
      : `is not a whole number from ${min} to ${max}`;
const oneOf =
  (...values: readonly string[]): AttributeCheck =>
  (value) =>
    values.includes(value) ? null : `is none of ${values.join(", ")}`;
const words =
  (...values: readonly string[]): AttributeCheck =>
  (value) => {
    const bad = value.split(" ").find((word) => !values.includes(word));
    return bad === undefined ? null : `holds '${bad}'`;
  };
const url: AttributeCheck = (value) =>
  /^https?:\/\/[^\s/]+/.test(value) && URL.canParse(value) ? null : "is no absolute http(s) URL";
const urlOrNothing: AttributeCheck = (value) => (value === "" ? null : url(value));
const socketUrl: AttributeCheck = (value) => {
  if (!value.startsWith("wss://")) return "is not wss (31922)";
  if (!URL.canParse(value)) return "is no URL (31923)";
  return value.includes("?") ? "has a query, which Stream does not support (31920)" : null;
};
const keys: AttributeCheck = (value) =>
  /^[0-9*#wWA-D]{1,200}$/.test(value) ? null : "holds something that is no key";
const phone: AttributeCheck = (value) => (/^\+[1-9]\d{6,14}$/.test(value) ? null : "is not E.164");

const CALL_EVENTS = words("initiated", "ringing", "answered", "completed");
const callback = (events: AttributeCheck): Readonly<Record<string, AttributeCheck>> => ({
  statusCallback: url,
  statusCallbackMethod: method,
  statusCallbackEvent: events,
});
const amd: Readonly<Record<string, AttributeCheck>> = {
  machineDetection: oneOf("Enable", "DetectMessageEnd"),
  machineDetectionTimeout: whole(3, 59),
  amdStatusCallback: url,
  amdStatusCallbackMethod: method,
};
const recording: Readonly<Record<string, AttributeCheck>> = {
  recordingStatusCallback: url,
  recordingStatusCallbackMethod: method,
  recordingStatusCallbackEvent: words("in-progress", "completed", "absent"),
  trim: oneOf("trim-silence", "do-not-trim"),
};

const say: Shape = {
  attributes: { voice: any, language: any, loop: whole(0, 1000) },
  text: "required",
  rule: (element) => (element.text.length > 4096 ? "says more than 4096 characters" : null),
};
const play: Shape = {
  attributes: {
    loop: whole(0, 1000),
    digits: keys,
  },
  text: "optional",
  rule: (element) => {
    if (element.text === "")
      return element.attributes["digits"] === undefined ? "plays nothing" : null;
    const fault = url(element.text);
    return fault === null ? null : `its URL ${fault}`;
  },
};
const pause: Shape = { attributes: { length: whole(0, 3600) }, text: "none" };
const redirect: Shape = {
  attributes: { method },
  text: "required",
  rule: (element) => {
    const fault = url(element.text);
    return fault === null ? null : `its URL ${fault}`;
  },
};
const hangup: Shape = { text: "none" };

const NOUNS: Readonly<Record<string, Shape>> = {
  Number: {
    attributes: { url, method, sendDigits: keys, ...callback(CALL_EVENTS), byoc: any, ...amd },
    text: "required",
    rule: (element) => (phone(element.text) === null ? null : "its number is not E.164 (13221)"),
  },
  Sip: {
    attributes: { username: any, password: any, url, method, ...callback(CALL_EVENTS), ...amd },
    text: "required",
    rule: (element) => {
      const fault = sipUriFault(element.text);
      return fault === null ? null : `its address ${fault}`;
    },
  },
  Client: {
    attributes: { url, method, ...callback(CALL_EVENTS) },
    text: "optional",
    children: {
      Identity: { text: "required" },
      Parameter: {
        attributes: { name: any, value: any },
        required: ["name", "value"],
        text: "none",
      },
    },
  },
  Queue: {
    attributes: { url, method, reservationSid: any, postWorkActivitySid: any },
    text: "required",
  },
  Conference: {
    attributes: {
      beep: oneOf("true", "false", "onEnter", "onExit"),
      muted: flag,
      startConferenceOnEnter: flag,
      endConferenceOnExit: flag,
      participantLabel: (value) =>
        value !== "" && value.length <= 128 ? null : "is empty or too long",
      coach: any,
      maxParticipants: whole(1, 250),
      waitUrl: urlOrNothing,
      waitMethod: method,
      jitterBufferSize: oneOf("large", "medium", "small", "off"),
      region: any,
      record: oneOf("do-not-record", "record-from-start"),
      ...recording,
      ...callback(
        words("start", "end", "join", "leave", "mute", "hold", "modify", "speaker", "announcement"),
      ),
    },
    text: "required",
  },
};

export const VERBS: Readonly<Record<string, Shape>> = {
  Say: say,
  Play: play,
  Pause: pause,
  Redirect: redirect,
  Hangup: hangup,
  Leave: { text: "none" },
  Reject: { attributes: { reason: oneOf("rejected", "busy") }, text: "none" },
  Connect: {
    attributes: { action: url, method },
    required: ["action"],
    text: "none",
    count: [1, 1],
    children: {
      Stream: {
        attributes: {
          url: socketUrl,
          name: any,
          track: oneOf("inbound_track"),
          statusCallback: url,
          statusCallbackMethod: method,
        },
        required: ["url"],
        text: "none",
        children: {
          Parameter: {
            attributes: { name: any, value: any },
            required: ["name", "value"],
            text: "none",
            fatal: true,
            rule: ({ attributes }) =>
              (attributes["name"] ?? "").length + (attributes["value"] ?? "").length >= 500
                ? "name and value are 500 characters or more"
                : null,
          },
        },
      },
    },
  },
  Dial: {
    attributes: {
      action: url,
      method,
      answerOnBridge: flag,
      callerId: (value) => (/^(sip:|client:)/.test(value) ? null : phone(value)),
      timeout: whole(1, 600),
      timeLimit: whole(1, 86_400),
      hangupOnStar: flag,
      sequential: flag,
      ringTone: any,
      referUrl: url,
      referMethod: method,
      record: oneOf(
        "do-not-record",
        "record-from-answer",
        "record-from-ringing",
        "record-from-answer-dual",
        "record-from-ringing-dual",
      ),
      ...recording,
    },
    children: NOUNS,
    text: "optional",
    rule: (element) => {
      if (element.children.length === 0)
        return phone(element.text) === null ? null : "dials no number, or one that is not E.164";
      return element.text === "" ? null : "has text beside its nouns";
    },
  },
  Enqueue: {
    attributes: {
      action: url,
      method,
      waitUrl: urlOrNothing,
      waitUrlMethod: method,
      workflowSid: (value) => (/^WW\w+$/.test(value) ? null : "is no workflow SID"),
      maxQueueSize: whole(1, 5000),
    },
    required: ["action"],
    text: "optional",
    count: [0, 1],
    children: {
      Task: {
        attributes: { priority: whole(0, 2_147_483_647), timeout: whole(1, 1_209_600) },
        text: "required",
        rule: (element) => {
          try {
            const attributes: unknown = JSON.parse(element.text);
            return typeof attributes === "object" &&
              attributes !== null &&
              !Array.isArray(attributes)
              ? null
              : "its text is no JSON object";
          } catch {
            return "its text is not JSON";
          }
        },
      },
    },
    rule: (element) => {
      const workflow = element.attributes["workflowSid"] !== undefined;
      if (workflow) return element.text === "" ? null : "has a queue name beside workflowSid";
      if (element.children.length > 0) return "has a Task but no workflowSid";
      return element.text === "" ? "names no queue" : null;
    },
  },
  Gather: {
    attributes: {
      input: oneOf("dtmf", "speech", "dtmf speech"),
      numDigits: whole(1, 100),
      finishOnKey: any,
      timeout: whole(1, 600),
      speechTimeout: any,
      action: url,
      method,
      actionOnEmptyResult: flag,
      bargeIn: flag,
      language: any,
      hints: any,
      speechModel: any,
      maxSpeechTime: whole(1, 60),
      profanityFilter: flag,
      partialResultCallback: url,
    },
    required: ["action"],
    text: "none",
    children: { Say: say, Play: play, Pause: pause },
  },
};
