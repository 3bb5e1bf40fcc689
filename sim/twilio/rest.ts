/** Twilio's REST API, as far as a relay uses it: calls, conferences, recordings, numbers. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { TwilioContext } from "./context.js";
import type { Recordings } from "./recordings.js";
import { callJson, numberJson, participantJson, recordingJson } from "./resources.js";
import { RestCalls } from "./rest-calls.js";
import { RestConferences } from "./rest-conferences.js";
import { type Params, RestError } from "./rest-error.js";

/** Something to go wrong with the next matching requests. */
export interface RestFault {
  /** "calls.update", "calls.create", "calls.get", "calls.list", "participants.create", …; absent: any. */
  readonly operation?: string;
  readonly kind: /** Not carried out. */
    | "429"
    | "500"
    | "404"
    | "401"
    /** "The call is over". */
    | "21220"
    /** Carried out, but the answer never comes. */
    | "timeout_after"
    /** Not carried out, and no answer. */
    | "timeout_before"
    /** The connection is cut. */
    | "reset";
  /** Default 1. */
  readonly times?: number;
}

export interface RestRequest {
  readonly atMs: number;
  readonly operation: string;
  readonly path: string;
  readonly form: Readonly<Record<string, string | readonly string[]>>;
  status: number;
}

export interface PhoneNumber {
  readonly sid: string;
  readonly phoneNumber: string;
  voiceUrl: string;
  voiceMethod: string;
  voiceFallbackUrl: string;
  voiceFallbackMethod: string;
  statusCallback: string;
  statusCallbackMethod: string;
  voiceApplicationSid: string;
  trunkSid: string;
  friendlyName: string;
}

interface Route {
  readonly method: string;
  readonly pattern: RegExp;
  readonly operation: string;
  readonly run: (match: readonly string[], params: Params) => Answer;
}

interface Answer {
  readonly status: number;
  readonly json?: unknown;
  readonly wav?: Buffer;
}

const MAX_BODY_BYTES = 256 * 1024;

export class RestApi {
  /** Everything asked, in order. */
  readonly requests: RestRequest[] = [];
  readonly #twilio: TwilioContext;
  readonly #faults: { fault: RestFault; left: number }[] = [];
  readonly #credentials: ReadonlyMap<string, string>;
  readonly #routes: readonly Route[];
  readonly #server: Server;

  constructor(
    twilio: TwilioContext,
    parts: {
      readonly recordings: Recordings;
      readonly numbers: readonly PhoneNumber[];
      readonly mediaDelayMs: number;
    },
    credentials: ReadonlyMap<string, string>,
  ) {
    this.#twilio = twilio;
    this.#credentials = credentials;
    const calls = new RestCalls(twilio, parts.recordings, parts.mediaDelayMs);
    this.#routes = routes(
      twilio,
      calls,
      new RestConferences(twilio),
      parts.recordings,
      parts.numbers,
    );
    this.#server = createServer((request, response) => this.#serve(request, response));
  }

  fail(fault: RestFault): void {
    this.#faults.push({ fault, left: fault.times ?? 1 });
  }

  listen(port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(port, "127.0.0.1", 1024, () => {
        const address = this.#server.address();
        resolve(typeof address === "object" && address !== null ? address.port : 0);
      });
    });
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.closeAllConnections();
      this.#server.close(() => resolve());
    });
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const chunks: Buffer[] = [];
    let size = 0;
    request.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size <= MAX_BODY_BYTES) chunks.push(chunk);
    });
    request.on("error", () => response.destroy());
    request.on("end", () => this.#answer(request, response, Buffer.concat(chunks).toString()));
  }

  #answer(request: IncomingMessage, response: ServerResponse, body: string): void {
    const url = new URL(request.url ?? "/", "http://sim");
    const method = request.method ?? "GET";
    const params = method === "POST" ? new URLSearchParams(body) : url.searchParams;
    const found = this.#routes
      .map((route) => ({
        route,
        match: route.method === method ? route.pattern.exec(url.pathname) : null,
      }))
      .find(({ match }) => match !== null);
    const operation = found?.route.operation ?? `${method} ${url.pathname}`;
    const record: RestRequest = {
      atMs: this.#twilio.clock.nowMs(),
      operation,
      path: url.pathname,
      form: formOf(params),
      status: 0,
    };
    this.requests.push(record);
    const fault = this.#fault(operation);
    if (fault === "reset" || fault === "timeout_before") {
      if (fault === "reset") request.socket.destroy();
      return;
    }
    let answer: Answer;
    try {
      if (!this.#allowed(request)) throw new RestError(401, 20003, "Authenticate");
      if (fault !== null && fault !== "timeout_after") throw faultError(fault, url.pathname);
      if (found === undefined || found.match === null)
        throw new RestError(404, 20404, `The requested resource ${url.pathname} was not found`);
      answer = found.route.run(found.match.slice(1).map(decodeURIComponent), params);
    } catch (error) {
      if (!(error instanceof RestError)) {
        this.#twilio.violation(`the simulator failed on ${operation}: ${String(error)}`);
        response.writeHead(500).end();
        return;
      }
      const { status, code, message } = error;
      answer = {
        status,
        json: { code, message, more_info: `https://www.twilio.com/docs/errors/${code}`, status },
      };
    }
    record.status = answer.status;
    if (fault === "timeout_after") return;
    if (answer.wav !== undefined) {
      response.writeHead(answer.status, { "content-type": "audio/x-wav" }).end(answer.wav);
      return;
    }
    response.writeHead(answer.status, {
      "content-type": "application/json",
      "twilio-concurrent-requests": "1",
    });
    response.end(answer.json === undefined ? undefined : JSON.stringify(answer.json));
  }

  #fault(operation: string): RestFault["kind"] | null {
    const at = this.#faults.findIndex(
      ({ fault }) => fault.operation === undefined || fault.operation === operation,
    );
    const entry = this.#faults[at];
    if (entry === undefined) return null;
    if (--entry.left === 0) this.#faults.splice(at, 1);
    return entry.fault.kind;
  }

  #allowed(request: IncomingMessage): boolean {
    const given = /^Basic (.+)$/i.exec(request.headers.authorization ?? "")?.[1];
    if (given === undefined) return false;
    const [user = "", ...secret] = Buffer.from(given, "base64").toString().split(":");
    return this.#credentials.get(user) === secret.join(":");
  }
}

function faultError(kind: RestFault["kind"], path: string): RestError {
  switch (kind) {
    case "429":
      return new RestError(429, 20429, "Too Many Requests");
    case "404":
      return new RestError(404, 20404, `The requested resource ${path} was not found`);
    case "401":
      return new RestError(401, 20003, "Authenticate");
    case "21220":
      return new RestError(400, 21220, "Call is not in-progress. Cannot redirect.");
    default:
      return new RestError(500, 20500, "Internal Server Error");
  }
}

function formOf(params: Params): Record<string, string | readonly string[]> {
  const form: Record<string, string | readonly string[]> = {};
  for (const key of new Set(params.keys())) {
    const values = params.getAll(key);
    form[key] = values.length === 1 ? values[0]! : values;
  }
  return form;
}

function routes(
  twilio: TwilioContext,
  calls: RestCalls,
  conferences: RestConferences,
  recordings: Recordings,
  numbers: readonly PhoneNumber[],
): readonly Route[] {
  const account = `/2010-04-01/Accounts/${twilio.accountSid}`;
  const path = (rest: string) =>
    new RegExp(`^${account}${rest.replaceAll("*", "([^/]+?)")}\\.json$`);
  const list = (key: string, entries: readonly unknown[]) => ({
    status: 200,
    json: {
      [key]: entries,
      page: 0,
      page_size: 50,
      first_page_uri: `${account}/${key}.json?Page=0`,
      next_page_uri: null,
      previous_page_uri: null,
      uri: `${account}/${key}.json`,
      start: 0,
      end: Math.max(0, entries.length - 1),
    },
  });
  return [
    {
      method: "GET",
      pattern: new RegExp(`^${account}\\.json$`),
      operation: "accounts.get",
      run: () => ({
        status: 200,
        json: {
          sid: twilio.accountSid,
          friendly_name: "Simulated",
          status: "active",
          type: "Full",
        },
      }),
    },
    {
      method: "POST",
      pattern: path("/Calls"),
      operation: "calls.create",
      run: (_match, params) => ({ status: 201, json: callJson(twilio, calls.create(params)) }),
    },
    {
      method: "GET",
      pattern: path("/Calls"),
      operation: "calls.list",
      run: (_match, params) =>
        list(
          "calls",
          calls.list(params).map((leg) => callJson(twilio, leg)),
        ),
    },
    {
      method: "POST",
      pattern: path("/Calls/*"),
      operation: "calls.update",
      run: ([sid = ""], params) => ({
        status: 200,
        json: callJson(twilio, calls.update(sid, params)),
      }),
    },
    {
      method: "GET",
      pattern: path("/Calls/*"),
      operation: "calls.get",
      run: ([sid = ""]) => ({ status: 200, json: callJson(twilio, calls.get(sid)) }),
    },
    {
      method: "POST",
      pattern: path("/Calls/*/Recordings"),
      operation: "recordings.create",
      run: ([sid = ""], params) => ({
        status: 201,
        json: recordingJson(twilio, calls.record(sid, params)),
      }),
    },
    {
      method: "POST",
      pattern: path("/Calls/*/Recordings/*"),
      operation: "recordings.update",
      run: ([sid = "", recording = ""], params) => ({
        status: 200,
        json: recordingJson(twilio, calls.updateRecording(sid, recording, params)),
      }),
    },
    {
      method: "GET",
      pattern: new RegExp(`^${account}/Recordings/([^/.]+)(?:\\.wav)?$`),
      operation: "recordings.media",
      run: ([sid = ""]) => {
        const wav = recordings.media(sid);
        if (wav === null) throw new RestError(404, 20404, "The requested resource was not found");
        return { status: 200, wav };
      },
    },
    {
      method: "GET",
      pattern: path("/Conferences"),
      operation: "conferences.list",
      run: (_match, params) => list("conferences", conferences.list(params)),
    },
    {
      method: "POST",
      pattern: path("/Conferences/*"),
      operation: "conferences.update",
      run: ([name = ""], params) => ({ status: 200, json: conferences.update(name, params) }),
    },
    {
      method: "POST",
      pattern: path("/Conferences/*/Participants"),
      operation: "participants.create",
      run: ([name = ""], params) => ({
        status: 201,
        json: conferences.addParticipant(name, params),
      }),
    },
    {
      method: "GET",
      pattern: path("/Conferences/*/Participants"),
      operation: "participants.list",
      run: ([name = ""]) => {
        const conference = conferences.conference(name);
        return list(
          "participants",
          [...conference.participants.values()].map((participant) =>
            participantJson(twilio, conference, participant),
          ),
        );
      },
    },
    {
      method: "GET",
      pattern: path("/Conferences/*/Participants/*"),
      operation: "participants.get",
      run: ([name = "", who = ""]) => ({ status: 200, json: conferences.participant(name, who) }),
    },
    {
      method: "POST",
      pattern: path("/Conferences/*/Participants/*"),
      operation: "participants.update",
      run: ([name = "", who = ""], params) => ({
        status: 200,
        json: conferences.updateParticipant(name, who, params),
      }),
    },
    {
      method: "DELETE",
      pattern: path("/Conferences/*/Participants/*"),
      operation: "participants.remove",
      run: ([name = "", who = ""]) => {
        conferences.removeParticipant(name, who);
        return { status: 204 };
      },
    },
    {
      method: "GET",
      pattern: path("/IncomingPhoneNumbers"),
      operation: "numbers.list",
      run: (_match, params) => {
        const wanted = params.get("PhoneNumber");
        return list(
          "incoming_phone_numbers",
          numbers
            .filter((number) => wanted === null || number.phoneNumber.includes(wanted))
            .map((number) => numberJson(twilio, number)),
        );
      },
    },
    {
      method: "POST",
      pattern: path("/IncomingPhoneNumbers/*"),
      operation: "numbers.update",
      run: ([sid = ""], params) => {
        const number = numbers.find((candidate) => candidate.sid === sid);
        if (number === undefined)
          throw new RestError(404, 20404, "The requested resource was not found");
        updateNumber(number, params);
        return { status: 200, json: numberJson(twilio, number) };
      },
    },
  ];
}

const NUMBER_FIELDS = {
  VoiceUrl: "voiceUrl",
  VoiceMethod: "voiceMethod",
  VoiceFallbackUrl: "voiceFallbackUrl",
  VoiceFallbackMethod: "voiceFallbackMethod",
  StatusCallback: "statusCallback",
  StatusCallbackMethod: "statusCallbackMethod",
  VoiceApplicationSid: "voiceApplicationSid",
  TrunkSid: "trunkSid",
  FriendlyName: "friendlyName",
} as const;

function updateNumber(number: PhoneNumber, params: Params): void {
  for (const [name, value] of params) {
    const field = NUMBER_FIELDS[name as keyof typeof NUMBER_FIELDS];
    if (field === undefined) throw new RestError(400, 20001, `Unknown parameter ${name}`);
    number[field] = value;
  }
  // Setting one of these deletes the other.
  if (params.get("VoiceApplicationSid")) number.trunkSid = "";
  if (params.get("TrunkSid")) number.voiceApplicationSid = "";
}
