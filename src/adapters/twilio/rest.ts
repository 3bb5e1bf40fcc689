/** CallControl over Twilio's REST, and the check of its signatures. */
import twilio from "twilio";
import type { TwilioCallStatus } from "../../domain/call-status.js";
import { RelayError } from "../../domain/errors.js";
import type { CallSid } from "../../domain/ids.js";
import type { CallControl, NewCall, NewParticipant } from "../../ports/twilio.js";
import type { Twiml } from "../../wire/twiml.js";
import { MAX_REST_CHARS, renderWithin } from "../../wire/twiml-limits.js";
import { createTwilioClient, observed, type TwilioAccount, type TwilioObserver } from "./client.js";
import { renderTwiml } from "./twiml-xml.js";

export interface TwilioRestOptions extends TwilioAccount {
  /** Monotonic ms. */
  readonly nowMs: () => number;
  readonly observe: TwilioObserver;
  /** From a request to its answer; default 10 s. */
  readonly timeoutMs?: number;
}

const CALL_EVENTS = ["initiated", "ringing", "answered", "completed"];
const CONFERENCE_EVENTS = ["start", "end", "join", "leave", "hold", "announcement"];
const DEFAULT_RING_S = 60;

/**
 * True when one of the tokens signed exactly this URL with these parameters.
 *
 * @param url     as it was given to Twilio: the configured origin, the raw path and query.
 * @param params  decoded form fields, empty ones too; repeated names as a list. Empty for a GET or
 *                an upgrade.
 *
 * Source: twilio.com/docs/usage/security, "Validating Signatures".
 */
export function twilioSignatureValid(
  authTokens: readonly string[],
  signature: string,
  url: string,
  params: Readonly<Record<string, string | readonly string[]>>,
): boolean {
  if (signature === "") return false;
  for (const token of authTokens) {
    if (twilio.validateRequest(token, signature, url, params)) return true;
  }
  return false;
}

export function createTwilioRest(options: TwilioRestOptions): CallControl {
  return new TwilioRest(options);
}

class TwilioRest implements CallControl {
  readonly #client: ReturnType<typeof createTwilioClient>;
  readonly #options: TwilioRestOptions;

  constructor(options: TwilioRestOptions) {
    this.#options = options;
    this.#client = createTwilioClient(options, options.timeoutMs);
    // The package loads its resources at the first use, which takes 100 ms. That must not be the
    // first transfer, when callers are talking.
    this.#client.calls satisfies object;
  }

  async redirect(callSid: CallSid, twiml: Twiml): Promise<void> {
    const text = shortTwiml("calls.redirect", twiml);
    await this.#run("calls.redirect", () => this.#client.calls(callSid).update({ twiml: text }));
  }

  async hangUp(callSid: CallSid): Promise<void> {
    await this.#run("calls.hangup", () =>
      this.#client.calls(callSid).update({ status: "completed" }),
    );
  }

  async status(callSid: CallSid): Promise<TwilioCallStatus> {
    const call = await this.#run("calls.fetch", () => this.#client.calls(callSid).fetch());
    return callStatus(call.status);
  }

  async createCall(call: NewCall): Promise<CallSid> {
    const { url, fallbackUrl } = call;
    return this.#create({
      ...callOptions(call),
      url,
      method: "POST",
      ...(fallbackUrl === undefined ? {} : { fallbackUrl, fallbackMethod: "POST" }),
    });
  }

  async createCallWithTwiml(
    call: Omit<NewCall, "url" | "fallbackUrl">,
    twiml: Twiml,
  ): Promise<CallSid> {
    return this.#create({ ...callOptions(call), twiml: shortTwiml("calls.create", twiml) });
  }

  async findCalls(
    to: string,
    sinceEpochMs: number,
  ): Promise<readonly { sid: CallSid; status: TwilioCallStatus }[]> {
    const calls = await this.#run("calls.list", () =>
      this.#client.calls.list({ to, startTimeAfter: new Date(sinceEpochMs), limit: 20 }),
    );
    return calls
      .filter((call) => {
        // Queued calls have no start yet. In some regions the filter of the request knows only
        // days.
        const startedAt: Date | null | undefined = call.startTime ?? call.dateCreated;
        return !(startedAt instanceof Date) || startedAt.getTime() >= sinceEpochMs - 1000;
      })
      .map((call) => ({ sid: asCallSid(call.sid), status: callStatus(call.status) }));
  }

  async createParticipant(
    participant: NewParticipant,
  ): Promise<{ callSid: CallSid; conferenceSid: string }> {
    const { conference, statusCallback, conferenceStatusCallback, amdStatusCallback, callToken } =
      participant;
    const created = await this.#run("participants.create", () =>
      this.#client.conferences(conference).participants.create({
        to: participant.to,
        from: participant.from,
        label: participant.label,
        timeout: participant.timeoutS,
        earlyMedia: participant.earlyMedia,
        beep: "false",
        endConferenceOnExit: participant.endConferenceOnExit,
        startConferenceOnEnter: participant.startConferenceOnEnter,
        ...(callToken === undefined ? {} : { callToken }),
        ...(statusCallback === undefined
          ? {}
          : { statusCallback, statusCallbackMethod: "POST", statusCallbackEvent: CALL_EVENTS }),
        ...(conferenceStatusCallback === undefined
          ? {}
          : {
              conferenceStatusCallback,
              conferenceStatusCallbackMethod: "POST",
              conferenceStatusCallbackEvent: CONFERENCE_EVENTS,
            }),
        ...(amdStatusCallback === undefined
          ? {}
          : { machineDetection: "Enable", amdStatusCallback, amdStatusCallbackMethod: "POST" }),
      }),
    );
    return {
      callSid: asCallSid(required("participants.create", created.callSid)),
      conferenceSid: required("participants.create", created.conferenceSid),
    };
  }

  async removeParticipant(conference: string, callSidOrLabel: string): Promise<void> {
    await this.#run("participants.remove", () =>
      this.#client.conferences(conference).participants(callSidOrLabel).remove(),
    );
  }

  async updateParticipant(
    conference: string,
    callSidOrLabel: string,
    change: Parameters<CallControl["updateParticipant"]>[2],
  ): Promise<void> {
    await this.#run("participants.update", () =>
      this.#client.conferences(conference).participants(callSidOrLabel).update(change),
    );
  }

  async isOnHold(conference: string, callSidOrLabel: string): Promise<boolean> {
    const { hold } = await this.#run("participants.fetch", () =>
      this.#client.conferences(conference).participants(callSidOrLabel).fetch(),
    );
    return hold;
  }

  async endConference(conference: string): Promise<void> {
    await this.#run("conferences.end", () =>
      this.#client.conferences(conference).update({ status: "completed" }),
    );
  }

  async startStream(
    callSid: CallSid,
    url: string,
    parameters: Readonly<Record<string, string>>,
  ): Promise<string> {
    const named = Object.entries(parameters).map(([name, value], i) => ({
      [`parameter${i + 1}.name`]: name,
      [`parameter${i + 1}.value`]: value,
    }));
    const stream = await this.#run("streams.create", () =>
      this.#client
        .calls(callSid)
        .streams.create(Object.assign({ url, track: "both_tracks" as const }, ...named)),
    );
    return required("streams.create", stream.sid);
  }

  async stopStream(callSid: CallSid, streamSid: string): Promise<void> {
    await this.#run("streams.stop", () =>
      this.#client.calls(callSid).streams(streamSid).update({ status: "stopped" }),
    );
  }

  async startRecording(
    callSid: CallSid,
    channels: "dual" | "mono",
    statusCallback: string,
  ): Promise<string> {
    const recording = await this.#run("recordings.create", () =>
      this.#client.calls(callSid).recordings.create({
        recordingChannels: channels,
        recordingStatusCallback: statusCallback,
        recordingStatusCallbackMethod: "POST",
        recordingStatusCallbackEvent: ["in-progress", "completed", "absent"],
      }),
    );
    return required("recordings.create", recording.sid);
  }

  async #create(
    call: Parameters<ReturnType<typeof createTwilioClient>["calls"]["create"]>[0],
  ): Promise<CallSid> {
    const created = await this.#run("calls.create", () => this.#client.calls.create(call));
    return asCallSid(required("calls.create", created.sid));
  }

  #run<T>(operation: string, request: () => Promise<T>): Promise<T> {
    return observed(operation, this.#options.observe, this.#options.nowMs, request);
  }
}

function callOptions(call: Omit<NewCall, "url" | "fallbackUrl">) {
  const { amdStatusCallback } = call;
  return {
    to: call.to,
    from: call.from,
    timeout: call.timeoutS ?? DEFAULT_RING_S,
    statusCallback: call.statusCallback,
    statusCallbackMethod: "POST",
    statusCallbackEvent: CALL_EVENTS,
    ...(call.callToken === undefined ? {} : { callToken: call.callToken }),
    ...(call.sendDigits === undefined ? {} : { sendDigits: call.sendDigits }),
    ...(amdStatusCallback === undefined
      ? {}
      : {
          machineDetection: "Enable",
          // A text, as Twilio expects. The call goes on while the machine detection runs.
          asyncAmd: "true",
          asyncAmdStatusCallback: amdStatusCallback,
          asyncAmdStatusCallbackMethod: "POST",
        }),
  };
}

/** Spoken texts are shortened: the caller hears a part of an apology and not silence. */
function shortTwiml(operation: string, twiml: Twiml): string {
  const text = renderWithin(twiml, MAX_REST_CHARS, renderTwiml);
  if (text === null)
    throw new RelayError(
      "twilio_rejected",
      `${operation}: the document is longer than ${MAX_REST_CHARS} characters without a word`,
    );
  return text;
}

function required(operation: string, value: string | null | undefined): string {
  if (typeof value === "string" && value !== "") return value;
  throw new RelayError("twilio_rejected", `${operation}: the answer holds no SID`);
}

/** Brands a call's SID from an answer of Twilio. */
function asCallSid(sid: string): CallSid {
  return sid as CallSid;
}

const STATUSES: ReadonlySet<string> = new Set<TwilioCallStatus>([
  "queued",
  "initiated",
  "ringing",
  "in-progress",
  "completed",
  "busy",
  "failed",
  "no-answer",
  "canceled",
]);

function callStatus(status: string): TwilioCallStatus {
  if (!isCallStatus(status))
    throw new RelayError("twilio_rejected", "calls: a status this version does not know");
  return status;
}

function isCallStatus(status: string): status is TwilioCallStatus {
  return STATUSES.has(status);
}
