/** REST operations on the streams of a call: start one that forks its audio, and stop it. */
import type { CallLeg } from "./call-leg.js";
import type { TwilioContext } from "./context.js";
import { ForkedStream, type Track } from "./forked-stream.js";
import { checkKnown, checkUrl } from "./rest-checks.js";
import { type Params, RestError } from "./rest-error.js";
import {
  type StreamStatusEvent,
  type StreamStatusTarget,
  tellStreamStatus,
} from "./stream-status.js";

const MOST_PARAMETERS = 99;
/** Name and value together. */
const MAX_PARAMETER_CHARACTERS = 500;
/** Of one call, shared by all that fork its audio. */
const MOST_TRACKS = 4;
const TRACKS: Readonly<Record<string, readonly Track[]>> = {
  inbound_track: ["inbound"],
  outbound_track: ["outbound"],
  both_tracks: ["inbound", "outbound"],
};
const FIELDS = new Set([
  "Url",
  "Name",
  "Track",
  "StatusCallback",
  "StatusCallbackMethod",
  ...Array.from({ length: MOST_PARAMETERS }, (_, i) => [
    `Parameter${i + 1}.Name`,
    `Parameter${i + 1}.Value`,
  ]).flat(),
]);

interface NewStream {
  readonly url: string;
  readonly name: string | null;
  readonly tracks: readonly Track[];
  readonly parameters: Readonly<Record<string, string>>;
}

export class RestStreams {
  readonly #twilio: TwilioContext;

  constructor(twilio: TwilioContext) {
    this.#twilio = twilio;
  }

  create(callSid: string, params: Params): unknown {
    checkKnown(params, FIELDS);
    const leg = this.#leg(callSid);
    if (leg.status !== "in-progress")
      throw new RestError(400, 21220, "Call is not in-progress. Cannot start a stream.");
    const url = params.get("Url") ?? "";
    checkStreamUrl(url);
    checkUrl("StatusCallback", params.get("StatusCallback"));
    const tracks = TRACKS[params.get("Track") ?? "inbound_track"];
    if (tracks === undefined) throw new RestError(400, 20001, "Track is not valid");
    const running = leg.forks.filter(({ isOver }) => !isOver);
    const used = running.reduce((sum, fork) => sum + fork.tracks.length, 0);
    if (used + tracks.length > MOST_TRACKS)
      throw new RestError(400, 20001, "The call has the most tracks that can be forked");
    const name = params.get("Name");
    if (name !== null && running.some((fork) => fork.name === name))
      throw new RestError(400, 20001, `The call has a stream ${name}`);
    const method = params.get("StatusCallbackMethod") ?? "POST";
    if (method !== "GET" && method !== "POST")
      throw new RestError(400, 20001, "StatusCallbackMethod is not valid");
    const stream = this.#start(
      leg,
      { url, name, tracks, parameters: parametersOf(params) },
      {
        url: params.get("StatusCallback") ?? undefined,
        method,
        name: name ?? undefined,
      },
    );
    return this.#json(stream, "in-progress");
  }

  update(callSid: string, sidOrName: string, params: Params): unknown {
    checkKnown(params, new Set(["Status"]));
    if (params.get("Status") !== "stopped") throw new RestError(400, 20001, "Invalid Status");
    const stream = this.#leg(callSid).forks.find(
      (fork) => !fork.isOver && (fork.fields.streamSid === sidOrName || fork.name === sidOrName),
    );
    if (stream === undefined)
      throw new RestError(404, 20404, "The requested resource was not found");
    stream.stop();
    return this.#json(stream, "stopped");
  }

  #start(
    leg: CallLeg,
    { url, name, tracks, parameters }: NewStream,
    told: Omit<StreamStatusTarget, "streamSid">,
  ): ForkedStream {
    const twilio = this.#twilio;
    const innerUrl = twilio.web.inner(url);
    if (innerUrl === null) throw new RestError(400, 21205, `${url} is an unknown address`);
    const { accountSid } = twilio;
    const streamSid = twilio.sid("MZ");
    const headers = {
      host: new URL(url).host,
      "user-agent": "Twilio.TmeWs/1.0",
      ...twilio.upgradeHeaders(leg, url, innerUrl),
    };
    const tell = (event: StreamStatusEvent, error = "") =>
      tellStreamStatus(twilio, leg, { ...told, streamSid }, event, error);
    const stream = new ForkedStream(
      { url, innerUrl, headers, streamSid, callSid: leg.sid, accountSid, parameters },
      { name, tracks, clock: twilio.clock, network: leg.fields.network ?? twilio.network },
      {
        started: () => {
          leg.events.add("fork_started", { streamSid });
          tell("stream-started");
        },
        refused: (error, status) => {
          leg.events.add("fork_refused", { error, status });
          tell("stream-error", `${error} the handshake failed`);
        },
        violation: (text) => leg.violation(text),
        closed: () => {
          leg.events.add("fork_closed", { streamSid });
          tell("stream-stopped");
        },
      },
    );
    leg.forks.push(stream);
    leg.onEnd(() => stream.stop());
    return stream;
  }

  #leg(sid: string): CallLeg {
    const leg = this.#twilio.findLeg(sid);
    if (leg === undefined)
      throw new RestError(404, 20404, `The requested resource /Calls/${sid} was not found`);
    return leg;
  }

  #json({ fields, name }: ForkedStream, status: string): unknown {
    return {
      sid: fields.streamSid,
      account_sid: fields.accountSid,
      call_sid: fields.callSid,
      name,
      status,
      date_updated: new Date().toUTCString().replace("GMT", "+0000"),
      uri: `/2010-04-01/Accounts/${fields.accountSid}/Calls/${fields.callSid}/Streams/${fields.streamSid}.json`,
    };
  }
}

function checkStreamUrl(text: string): void {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url?.protocol !== "wss:" || url.search !== "")
    throw new RestError(400, 21205, `Url is no wss:// address without a query: ${text}`);
}

function parametersOf(params: Params): Record<string, string> {
  const parameters: Record<string, string> = {};
  for (let n = 1; n <= MOST_PARAMETERS; n++) {
    const name = params.get(`Parameter${n}.Name`);
    if (name === null) continue;
    const value = params.get(`Parameter${n}.Value`) ?? "";
    if (name.length + value.length > MAX_PARAMETER_CHARACTERS)
      throw new RestError(400, 20001, `Parameter${n} is too long`);
    parameters[name] = value;
  }
  return parameters;
}
