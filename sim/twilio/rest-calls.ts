/** REST operations on calls: create, list, update, record. */
import { detectAside, detectionOf } from "./answering-machine.js";
import type { CallLeg, TwimlSource } from "./call-leg.js";
import { callbackConfig } from "./callback-config.js";
import type { TwilioContext } from "./context.js";
import type { Recording, Recordings } from "./recordings.js";
import { checkFrom, checkKnown, checkTo, checkUrl } from "./rest-checks.js";
import { type Params, RestError } from "./rest-error.js";
import { partyAt } from "./sip-leg.js";
import { digitsMs, waitFor } from "./verb-context.js";

/** Twilio's limit for TwiML in `calls.create`; none is stated for `update`, the same is assumed. */
const MAX_TWIML_CHARACTERS = 4000;

const CREATE_FIELDS = new Set(
  `To From Url Twiml Method FallbackUrl FallbackMethod StatusCallback StatusCallbackMethod
  StatusCallbackEvent Timeout TimeLimit SendDigits Record RecordingChannels RecordingTrack
  RecordingStatusCallback RecordingStatusCallbackMethod RecordingStatusCallbackEvent Trim
  MachineDetection MachineDetectionTimeout MachineDetectionSpeechThreshold
  MachineDetectionSpeechEndThreshold MachineDetectionSilenceTimeout AsyncAmd
  AsyncAmdStatusCallback AsyncAmdStatusCallbackMethod CallerId CallReason CallToken
  SipAuthUsername SipAuthPassword ApplicationSid`.split(/\s+/),
);
const UPDATE_FIELDS = new Set(
  `Url Twiml Method FallbackUrl FallbackMethod Status StatusCallback StatusCallbackMethod
  TimeLimit`.split(/\s+/),
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

  get(sid: string): CallLeg {
    const leg = this.#twilio.findLeg(sid);
    if (leg === undefined)
      throw new RestError(404, 20404, `The requested resource /Calls/${sid} was not found`);
    return leg;
  }

  list(params: Params): readonly CallLeg[] {
    checkKnown(
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
    return this.#twilio.legs
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

  create(params: Params): CallLeg {
    checkKnown(params, CREATE_FIELDS);
    const to = params.get("To") ?? "";
    const from = params.get("From") ?? "";
    const url = params.get("Url");
    const twiml = params.get("Twiml");
    checkTo(to);
    checkFrom(this.#twilio, from, params.get("CallToken"));
    if (url === null && twiml === null)
      throw new RestError(400, 21205, "Url parameter is required.");
    checkTwimlLength(twiml);
    checkUrl("Url", url);
    const leg = this.#twilio.addLeg({
      from,
      to,
      direction: "outbound-api",
      party: partyAt(this.#twilio, to, from),
      callbacks: callbackConfig(
        params.get("StatusCallback") ?? undefined,
        params.getAll("StatusCallbackEvent"),
        params.get("StatusCallbackMethod") ?? undefined,
      ),
      fallbackUrl: params.get("FallbackUrl"),
    });
    const source: TwimlSource =
      url !== null ? { url, ...methodOf(params.get("Method")) } : { twiml: twiml ?? "" };
    // It rings once the answer has gone out: `start` may arrive before the SID all the same.
    this.#twilio.clock.after(0, () => void this.#place(leg, params, source));
    return leg;
  }

  update(sid: string, params: Params): CallLeg {
    checkKnown(params, UPDATE_FIELDS);
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

  async #place(leg: CallLeg, params: Params, source: TwimlSource): Promise<void> {
    if (leg.over) return;
    const twilio = this.#twilio;
    const timeoutMs = Number(params.get("Timeout") ?? 60) * 1000;
    const outcome = await leg.ring(timeoutMs, new AbortController().signal);
    if (outcome !== "answered" || leg.over) return;
    const digits = params.get("SendDigits");
    if (digits !== null) {
      await waitFor(twilio, digitsMs(digits) / twilio.speed, new AbortController().signal);
      if (leg.over) return;
      leg.hearDigits(digits, "SendDigits");
    }
    const mode = params.get("MachineDetection");
    // Twilio ignores detection where digits are sent.
    if (mode === null || digits !== null) leg.run(source);
    else if (params.get("AsyncAmd") === "true") {
      leg.run(source);
      detectAside(twilio, leg, {
        mode,
        url: params.get("AsyncAmdStatusCallback"),
        method: params.get("AsyncAmdStatusCallbackMethod"),
      });
    } else {
      // Without AsyncAmd nothing runs before the result.
      const { afterMs, answeredBy } = detectionOf(leg.party, mode);
      twilio.clock.after(afterMs, () => {
        leg.answeredBy = answeredBy;
        if (!leg.over) leg.run(source);
      });
    }
  }
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
