/**
 * The routes of the REST API: method and path of each operation, and what it answers. An operation
 * that changes something can also pretend: it answers as usual and does nothing.
 */
import type { TwilioContext } from "./context.js";
import { type PhoneNumber, updateNumber } from "./numbers.js";
import type { Recordings } from "./recordings.js";
import {
  callJson,
  conferenceJson,
  numberJson,
  participantJson,
  recordingJson,
} from "./resources.js";
import type { RestCalls } from "./rest-calls.js";
import type { RestConferences } from "./rest-conferences.js";
import { type Params, RestError } from "./rest-error.js";
import type { RestStreams } from "./rest-streams.js";

export interface RestAnswer {
  readonly status: number;
  readonly json?: unknown;
  readonly wav?: Buffer;
}

type Run = (match: readonly string[], params: Params) => RestAnswer;

export interface Route {
  readonly method: "GET" | "POST" | "DELETE";
  readonly pattern: RegExp;
  readonly operation: string;
  readonly run: Run;
  /** Of an operation that changes something. */
  readonly pretend?: Run;
}

export interface RestParts {
  readonly twilio: TwilioContext;
  readonly calls: RestCalls;
  readonly conferences: RestConferences;
  readonly streams: RestStreams;
  readonly recordings: Recordings;
  readonly numbers: readonly PhoneNumber[];
}

export function restRoutes(parts: RestParts): readonly Route[] {
  return [
    accountRoute(parts),
    ...callRoutes(parts),
    ...recordingRoutes(parts),
    ...streamRoutes(parts),
    ...conferenceRoutes(parts),
    ...participantRoutes(parts),
    ...numberRoutes(parts),
  ];
}

function accountRoute({ twilio }: RestParts): Route {
  const json = { sid: twilio.accountSid, friendly_name: "Simulated", status: "active" };
  return {
    method: "GET",
    pattern: new RegExp(`^${accountPath(twilio)}\\.json$`),
    operation: "accounts.get",
    run: () => ok({ ...json, type: "Full" }),
  };
}

function callRoutes({ twilio, calls }: RestParts): Route[] {
  return [
    {
      method: "POST",
      pattern: path(twilio, "/Calls"),
      operation: "calls.create",
      run: (_match, params) => created(callJson(twilio, calls.create(params))),
      pretend: (_match, params) =>
        created({
          sid: twilio.sid("CA"),
          account_sid: twilio.accountSid,
          status: "queued",
          direction: "outbound-api",
          to: params.get("To"),
          from: params.get("From"),
        }),
    },
    {
      method: "GET",
      pattern: path(twilio, "/Calls"),
      operation: "calls.list",
      run: (_match, params) =>
        list(
          twilio,
          "calls",
          calls.list(params).map((leg) => callJson(twilio, leg)),
        ),
    },
    {
      method: "POST",
      pattern: path(twilio, "/Calls/*"),
      operation: "calls.update",
      run: ([sid = ""], params) => ok(callJson(twilio, calls.update(sid, params))),
      pretend: ([sid = ""]) => ok(callJson(twilio, calls.get(sid))),
    },
    {
      method: "GET",
      pattern: path(twilio, "/Calls/*"),
      operation: "calls.get",
      run: ([sid = ""]) => ok(callJson(twilio, calls.get(sid))),
    },
  ];
}

function recordingRoutes({ twilio, calls, recordings }: RestParts): Route[] {
  return [
    {
      method: "POST",
      pattern: path(twilio, "/Calls/*/Recordings"),
      operation: "recordings.create",
      run: ([sid = ""], params) => created(recordingJson(twilio, calls.record(sid, params))),
      pretend: ([sid = ""]) =>
        created({ sid: twilio.sid("RE"), call_sid: sid, status: "in-progress" }),
    },
    {
      method: "POST",
      pattern: path(twilio, "/Calls/*/Recordings/*"),
      operation: "recordings.update",
      run: ([sid = "", recording = ""], params) =>
        ok(recordingJson(twilio, calls.updateRecording(sid, recording, params))),
      pretend: ([sid = "", recording = ""]) => ok({ sid: recording, call_sid: sid }),
    },
    {
      method: "GET",
      pattern: new RegExp(`^${accountPath(twilio)}/Recordings/([^/.]+)(?:\\.wav)?$`),
      operation: "recordings.media",
      run: ([sid = ""]) => {
        const wav = recordings.media(sid);
        if (wav === null) throw new RestError(404, 20404, "The requested resource was not found");
        return { status: 200, wav };
      },
    },
  ];
}

function streamRoutes({ twilio, streams }: RestParts): Route[] {
  return [
    {
      method: "POST",
      pattern: path(twilio, "/Calls/*/Streams"),
      operation: "streams.create",
      run: ([sid = ""], params) => created(streams.create(sid, params)),
      pretend: ([sid = ""]) =>
        created({ sid: twilio.sid("MZ"), call_sid: sid, status: "in-progress" }),
    },
    {
      method: "POST",
      pattern: path(twilio, "/Calls/*/Streams/*"),
      operation: "streams.update",
      run: ([sid = "", stream = ""], params) => ok(streams.update(sid, stream, params)),
      pretend: ([sid = "", stream = ""]) => ok({ sid: stream, call_sid: sid, status: "stopped" }),
    },
  ];
}

function conferenceRoutes({ twilio, conferences }: RestParts): Route[] {
  return [
    {
      method: "GET",
      pattern: path(twilio, "/Conferences"),
      operation: "conferences.list",
      run: (_match, params) => list(twilio, "conferences", conferences.list(params)),
    },
    {
      method: "POST",
      pattern: path(twilio, "/Conferences/*"),
      operation: "conferences.update",
      run: ([name = ""], params) => ok(conferences.update(name, params)),
      pretend: ([name = ""]) => ok(conferenceJson(twilio, conferences.conference(name))),
    },
  ];
}

function participantRoutes({ twilio, conferences }: RestParts): Route[] {
  return [
    {
      method: "POST",
      pattern: path(twilio, "/Conferences/*/Participants"),
      operation: "participants.create",
      run: ([name = ""], params) => created(conferences.addParticipant(name, params)),
      pretend: ([name = ""], params) =>
        created({
          call_sid: twilio.sid("CA"),
          conference_sid: twilio.conferences.find(name)?.sid ?? null,
          label: params.get("Label"),
          status: "queued",
        }),
    },
    {
      method: "GET",
      pattern: path(twilio, "/Conferences/*/Participants"),
      operation: "participants.list",
      run: ([name = ""]) => {
        const conference = conferences.conference(name);
        const members = [...conference.participants.values()];
        return list(
          twilio,
          "participants",
          members.map((member) => participantJson(twilio, conference, member)),
        );
      },
    },
    {
      method: "GET",
      pattern: path(twilio, "/Conferences/*/Participants/*"),
      operation: "participants.get",
      run: ([name = "", who = ""]) => ok(conferences.participant(name, who)),
    },
    {
      method: "POST",
      pattern: path(twilio, "/Conferences/*/Participants/*"),
      operation: "participants.update",
      run: ([name = "", who = ""], params) => ok(conferences.updateParticipant(name, who, params)),
      pretend: ([name = "", who = ""]) => ok(conferences.participant(name, who)),
    },
    {
      method: "DELETE",
      pattern: path(twilio, "/Conferences/*/Participants/*"),
      operation: "participants.remove",
      run: ([name = "", who = ""]) => {
        conferences.removeParticipant(name, who);
        return { status: 204 };
      },
      pretend: () => ({ status: 204 }),
    },
  ];
}

function numberRoutes({ twilio, numbers }: RestParts): Route[] {
  const bySid = (sid: string) => {
    const number = numbers.find((candidate) => candidate.sid === sid);
    if (number === undefined)
      throw new RestError(404, 20404, "The requested resource was not found");
    return number;
  };
  return [
    {
      method: "GET",
      pattern: path(twilio, "/IncomingPhoneNumbers"),
      operation: "numbers.list",
      run: (_match, params) => {
        const wanted = params.get("PhoneNumber");
        const shown = numbers
          .filter((number) => wanted === null || number.phoneNumber.includes(wanted))
          .map((number) => numberJson(twilio, number));
        return list(twilio, "incoming_phone_numbers", shown);
      },
    },
    {
      method: "POST",
      pattern: path(twilio, "/IncomingPhoneNumbers/*"),
      operation: "numbers.update",
      run: ([sid = ""], params) => {
        const number = bySid(sid);
        updateNumber(number, params);
        return ok(numberJson(twilio, number));
      },
      pretend: ([sid = ""]) => ok(numberJson(twilio, bySid(sid))),
    },
  ];
}

function ok(json: unknown): RestAnswer {
  return { status: 200, json };
}

function created(json: unknown): RestAnswer {
  return { status: 201, json };
}

function accountPath(twilio: TwilioContext): string {
  return `/2010-04-01/Accounts/${twilio.accountSid}`;
}

/** `*` stands for one part of the path, which is handed to `run`. */
function path(twilio: TwilioContext, rest: string): RegExp {
  return new RegExp(`^${accountPath(twilio)}${rest.replaceAll("*", "([^/]+?)")}\\.json$`);
}

function list(twilio: TwilioContext, key: string, entries: readonly unknown[]): RestAnswer {
  const uri = `${accountPath(twilio)}/${key}.json`;
  return ok({
    [key]: entries,
    page: 0,
    page_size: 50,
    first_page_uri: `${uri}?Page=0`,
    next_page_uri: null,
    previous_page_uri: null,
    uri,
    start: 0,
    end: Math.max(0, entries.length - 1),
  });
}
