/** REST operations on calls: create, list, update, record. */
import { callbackConfig } from "./callbacks.js";
import type { TwilioContext } from "./context.js";
import type { Leg } from "./leg.js";
import type { Recording, Recordings } from "./recordings.js";
import { type Params, RestError } from "./rest-error.js";
import { partyAt, sipUriFault } from "./sip-leg.js";

/** Twilio's limit for TwiML in `calls.create`; none is stated for `update`, the same is assumed. */
const MAX_TWIML_CHARACTERS = 4000;
const AMD_MS = 300;

const CREATE_FIELDS = new Set(
  `To From Url Twiml Method FallbackUrl FallbackMethod StatusCallback StatusCallbackMethod StatusCallbackEvent Timeout
  TimeLimit SendDigits Record RecordingChannels RecordingTrack RecordingStatusCallback RecordingStatusCallbackMethod
  RecordingStatusCallbackEvent Trim MachineDetection MachineDetectionTimeout MachineDetectionSpeechThreshold
  MachineDetectionSpeechEndThreshold MachineDetectionSilenceTimeout AsyncAmd AsyncAmdStatusCallback
  AsyncAmdStatusCallbackMethod CallerId CallReason CallToken SipAuthUsername SipAuthPassword ApplicationSid`.split(
    /\s+/,
  ),
);
const UPDATE_FIELDS = new Set(
  "Url Twiml Method FallbackUrl FallbackMethod Status StatusCallback StatusCallbackMethod TimeLimit".split(
    " ",
  ),
);

export class RestCalls {
  readonly #twilio: TwilioContext;
  readonly #recordings: Recordings;
  readonly #mediaDelayMs: number;

  constructor(twilio: TwilioContext, recordings: Recordings, mediaDelayMs: number) {
    this.#twilio = twilio;
    this.#recordings = recordings;
    this.#mediaDelayMs = mediaDelayMs;
  }

  get(sid: string): Leg {
    const leg = this.#twilio.findLeg(sid);
    if (leg === undefined)
      throw new RestError(404, 20404, `The requested resource /Calls/${sid} was not found`);
    return leg;
  }

  list(params: Params): readonly Leg[] {
    known(
      params,
      new Set([
        "To",
        "From",
        "Status",
        "ParentCallSid",
        "StartTime",
        "StartTime<",
        "StartTime>",
        "PageSize",
        "Page",
        "PageToken",
      ]),
    );
    const after = params.get("StartTime>") ?? params.get("StartTime");
    const sinceMs = after === null ? Number.NEGATIVE_INFINITY : dayOrInstant(after);
    const same = (key: string, value: string) =>
      params.get(key) === null || params.get(key) === value;
    return this.#twilio
      .legs()
      .filter(
        (leg) =>
          same("To", leg.to) &&
          same("From", leg.from) &&
          same("Status", leg.status) &&
          same("ParentCallSid", leg.parentSid ?? "") &&
          (leg.startedAt ?? leg.createdAt).getTime() >= sinceMs,
      )
      .toReversed();
  }

  create(params: Params): Leg {
    known(params, CREATE_FIELDS);
    const to = params.get("To") ?? "";
    const from = params.get("From") ?? "";
    const url = params.get("Url");
    const twiml = params.get("Twiml");
    if (!/^\+[1-9]\d{6,14}$/.test(to) && !/^(sips?:|client:)/.test(to))
      throw new RestError(400, 21211, `The 'To' number ${to} is not a valid phone number.`);
    if (!/^\+[1-9]\d{6,14}$/.test(from) && !/^client:/.test(from))
      throw new RestError(400, 21212, `The 'From' number ${from} is not a valid phone number.`);
    if (url === null && twiml === null)
      throw new RestError(400, 21205, "Url parameter is required.");
    checkSipTo(to);
    checkCallToken(this.#twilio, from, params.get("CallToken"));
    checkTwimlLength(twiml);
    checkUrl("Url", url);
    const asyncAmd = params.get("AsyncAmd") === "true";
    const leg = this.#twilio.leg({
      from,
      to,
      direction: "outbound-api",
      party: partyAt(this.#twilio, to, from),
      callbacks: callbackConfig(
        params.get("StatusCallback") ?? undefined,
        params.getAll("StatusCallbackEvent"),
      ),
      fallbackUrl: params.get("FallbackUrl"),
    });
    const timeoutMs = Number(params.get("Timeout") ?? 60) * 1000;
    // A call that is not over in the meantime rings once the answer has gone out: the SID may arrive later than `start`.
    this.#twilio.clock.after(0, () => {
      if (leg.over) return;
      void leg.ring(timeoutMs, new AbortController().signal).then((outcome) => {
        if (outcome !== "answered" || leg.over) return;
        const detection = params.get("MachineDetection") !== null;
        const run = () =>
          leg.run(
            url !== null ? { url, ...methodOf(params.get("Method")) } : { twiml: twiml ?? "" },
          );
        if (!detection) run();
        else if (asyncAmd) {
          run();
          this.#twilio.clock.after(AMD_MS, () =>
            this.#detected(leg, params.get("AsyncAmdStatusCallback")),
          );
        }
        // Without asyncAmd nothing runs before the verdict.
        else
          this.#twilio.clock.after(AMD_MS, () => {
            leg.answeredBy = leg.party.answeredBy ?? "human";
            if (!leg.over) run();
          });
      });
    });
    return leg;
  }

  update(sid: string, params: Params): Leg {
    known(params, UPDATE_FIELDS);
    const leg = this.get(sid);
    const status = params.get("Status");
    const url = params.get("Url");
    const twiml = params.get("Twiml");
    if (url !== null && twiml !== null)
      throw new RestError(400, 20001, "Url and Twiml are mutually exclusive");
    checkTwimlLength(twiml);
    checkUrl("Url", url);
    if (leg.over) throw new RestError(400, 21220, "Call is not in-progress. Cannot redirect.");
    if (status !== null) {
      const ringing = leg.status === "queued" || leg.status === "ringing";
      if (status !== "completed" && !(status === "canceled" && ringing))
        throw new RestError(400, 21220, `Invalid call state: ${status}`);
      leg.events.add("rest", { operation: "calls.update", status });
      leg.finish(ringing ? "canceled" : "completed");
      return leg;
    }
    if (url === null && twiml === null) throw new RestError(400, 20001, "Nothing to update");
    if (leg.status !== "in-progress")
      throw new RestError(400, 21220, "Call is not in-progress. Cannot redirect.");
    leg.events.add("rest", { operation: "calls.update", twiml: twiml ?? "", url: url ?? "" });
    leg.run(url !== null ? { url, ...methodOf(params.get("Method")) } : { twiml: twiml ?? "" });
    return leg;
  }

  record(sid: string, params: Params): Recording {
    const leg = this.get(sid);
    if (leg.status !== "in-progress")
      throw new RestError(400, 21220, "Requested resource is not eligible for recording");
    const url = params.get("RecordingStatusCallback");
    const events = params.getAll("RecordingStatusCallbackEvent");
    checkUrl("RecordingStatusCallback", url);
    return this.#recordings.start(
      leg,
      params.get("RecordingChannels") === "dual" ? 2 : 1,
      url === null ? null : { url, events: events.length === 0 ? ["completed"] : events },
      this.#mediaDelayMs,
    );
  }

  updateRecording(sid: string, recordingSid: string, params: Params): Recording {
    const leg = this.get(sid);
    const recording = this.#recordings.all.find(
      (candidate) =>
        candidate.leg === leg &&
        (candidate.sid === recordingSid || recordingSid === "Twilio.CURRENT"),
    );
    if (recording === undefined)
      throw new RestError(404, 20404, "The requested resource was not found");
    const status = params.get("Status");
    if (status !== "paused" && status !== "in-progress" && status !== "stopped")
      throw new RestError(400, 20001, "Invalid Status");
    recording.status = status;
    return recording;
  }

  #detected(leg: Leg, url: string | null): void {
    leg.answeredBy = leg.party.answeredBy ?? "human";
    if (url === null) return;
    this.#twilio.callback(
      leg,
      url,
      {
        CallSid: leg.sid,
        AccountSid: this.#twilio.accountSid,
        AnsweredBy: leg.answeredBy,
        MachineDetectionDuration: String(AMD_MS),
      },
      "amd",
    );
  }
}

export function known(params: Params, fields: ReadonlySet<string>): void {
  for (const name of params.keys())
    if (!fields.has(name)) throw new RestError(400, 20001, `Unknown parameter ${name}`);
}

export function checkUrl(name: string, url: string | null): void {
  if (url !== null && url !== "" && !/^https?:\/\/[^\s/]+/.test(url))
    throw new RestError(400, 21205, `${name} is not a valid URL: ${url}`);
}

export function checkSipTo(to: string): void {
  if (!/^sips?:/.test(to)) return;
  const fault = sipUriFault(to);
  if (fault !== null) throw new RestError(400, 21211, `The 'To' address ${fault}.`);
}

/** A token lets one call in the name of a caller who is on the line, and of nobody else. */
export function checkCallToken(twilio: TwilioContext, from: string, token: string | null): void {
  if (token === null) return;
  const caller = twilio
    .legs()
    .find((leg) => leg.callToken === token && leg.direction === "inbound");
  if (caller === undefined || caller.over || caller.from !== from)
    throw new RestError(400, 21210, `The 'CallToken' does not belong to a call from ${from}.`);
}

function checkTwimlLength(twiml: string | null): void {
  if (twiml !== null && twiml.length > MAX_TWIML_CHARACTERS)
    throw new RestError(400, 21624, `Twiml is longer than ${MAX_TWIML_CHARACTERS} characters`);
}

function methodOf(method: string | null): { method?: "GET" | "POST" } {
  return method === "GET" || method === "POST" ? { method } : {};
}

/** Twilio filters by day where only a day is given. */
function dayOrInstant(text: string): number {
  return Date.parse(text.length === 10 ? `${text}T00:00:00Z` : text);
}
