/** A supervisor's actions on live calls. */
import { RelayError } from "../domain/errors.js";
import {
  type CallCommand,
  type Refusal,
  supervisorEnd,
  supervisorTransfer,
} from "../relay/call/call-command.js";
import type { CallService } from "../relay/calls/call-service.js";
import { callSidOf } from "./call-sid.js";
import {
  type AnswerDoc,
  failure,
  object,
  objectWith,
  type RouteDoc,
  STRING,
} from "./openapi/route-doc.js";
import type { OperatorRequest, OperatorRoute } from "./operator-router.js";
import { json, type Reply } from "./reply.js";

const REFUSAL_STATUS: Readonly<Record<Refusal, number>> = {
  not_found: 404,
  not_live: 409,
  destination_unknown: 422,
  invalid: 400,
  path: 501,
  taken_over: 409,
  not_taken_over: 409,
  not_listening: 409,
};

const MESSAGES: Partial<Record<Refusal, string>> = {
  path: "set SUPERVISOR_APP_SID to take over calls on the SIP path; trunk calls cannot be taken over",
  taken_over: "a supervisor speaks to the caller already",
  not_taken_over: "no supervisor speaks to the caller",
  not_listening: "`listener` is not a connection of yours that listens to this call",
};

const REFUSED = {
  404: failure("This process and its cluster have no such call"),
  409: failure("The call is not with its agent"),
  503: failure(
    "No worker answers, or the database is away and this process does not have the call",
  ),
};

/** The model reads a note in every later turn. A sentence to say is much shorter. */
const MAX_TEXT_CHARS = 2_000;
const TEXT = { type: "string", minLength: 1, maxLength: MAX_TEXT_CHARS };

interface Action {
  /** The last part of the path, and the name in the audit log. */
  readonly name: string;
  readonly summary: string;
  readonly body?: NonNullable<RouteDoc["body"]>;
  readonly accepted: AnswerDoc;
  readonly answers?: Readonly<Record<number, AnswerDoc>>;
  /** The command, or what is wrong with the body. */
  readonly read: (request: OperatorRequest) => CallCommand | string;
}

const CALL = { callSid: STRING };

const ACTIONS: readonly Action[] = [
  {
    name: "transfer",
    summary: "Transfers a live call at once, without a farewell",
    body: objectWith({ destination: STRING }, { reason: STRING }),
    accepted: {
      description: "The transfer has begun",
      schema: object({ ...CALL, destination: STRING }),
    },
    answers: { 422: failure("The agent has no such destination") },
    read: ({ body, operator }) => {
      const destination = field(body, "destination");
      if (destination === null) return "destination is missing";
      return supervisorTransfer(destination, field(body, "reason"), operator.name);
    },
  },
  {
    name: "end",
    summary: "Ends a live call at once",
    accepted: { description: "The call is being ended", schema: object(CALL) },
    read: ({ operator }) => supervisorEnd(operator.name),
  },
  {
    name: "note",
    summary: "Tells the model something that the caller does not hear",
    body: object({ text: TEXT }),
    accepted: { description: "The model was told", schema: object(CALL) },
    read: ({ body, operator }) => textCommand("note", body, operator.name),
  },
  {
    name: "say",
    summary: "Has the agent say this next, word for word",
    body: object({ text: TEXT }),
    accepted: { description: "The agent was asked to say it", schema: object(CALL) },
    read: ({ body, operator }) => textCommand("say", body, operator.name),
  },
];

/** The microphone comes over the listener's WebSocket: docs/listening.md. */
const TAKE_OVER: readonly Action[] = [
  {
    name: "take-over",
    summary: "A supervisor speaks to the caller in place of the model",
    body: object({ listener: { type: "integer", minimum: 1 } }),
    accepted: { description: "The caller hears the supervisor", schema: object(CALL) },
    answers: { 501: failure("No supervisor can be heard on this call's path") },
    read: ({ body, operator }) => {
      const listener: unknown = Object(body)["listener"];
      if (typeof listener !== "number" || !Number.isInteger(listener))
        return "listener is missing: the number from the listener's `started` message";
      return { type: "take_over", by: operator.name, listener };
    },
  },
  {
    name: "hand-back",
    summary: "The model speaks to the caller again",
    body: objectWith({}, { note: TEXT }),
    accepted: { description: "The model was told", schema: object(CALL) },
    read: ({ body, operator }) => {
      const note = field(body, "note");
      if (note !== null && note.length > MAX_TEXT_CHARS)
        return `note may have at most ${MAX_TEXT_CHARS} characters`;
      return { type: "hand_back", by: operator.name, reason: "asked", note };
    },
  },
];

export function callRoutes(calls: Pick<CallService, "execute">): readonly OperatorRoute[] {
  return [...ACTIONS, ...TAKE_OVER].map((action) => ({
    method: "POST",
    path: `/api/calls/:callSid/${action.name}`,
    access: "supervisor",
    audit: action.name.replace("-", "_"),
    doc: {
      summary: action.summary,
      ...(action.body === undefined ? {} : { body: action.body }),
      answers: { 202: action.accepted, ...REFUSED, ...action.answers },
    },
    handle: async (request) => {
      const command = action.read(request);
      if (typeof command === "string") return json(400, { error: "invalid", message: command });
      const callSid = callSidOf(request.params["callSid"]);
      if (callSid === null) return refusalReply("not_found");
      const refusal = await refusalOf(() => calls.execute(callSid, command));
      if (refusal === "store_unavailable") return json(503, { error: refusal });
      if (refusal !== null) return refusalReply(refusal);
      return json(202, {
        callSid,
        ...(command.type === "transfer" ? { destination: command.request.destination } : {}),
      });
    },
  }));
}

/** While the database is away, this process cannot find out which other process has the call. */
async function refusalOf(
  execute: () => Promise<Refusal | null>,
): Promise<Refusal | "store_unavailable" | null> {
  try {
    return await execute();
  } catch (error) {
    if (error instanceof RelayError && error.code === "store_unavailable") return error.code;
    throw error;
  }
}

function textCommand(type: "note" | "say", body: unknown, by: string): CallCommand | string {
  const text = field(body, "text")?.trim() ?? "";
  if (text === "") return "text is missing";
  if (text.length > MAX_TEXT_CHARS) return `text may have at most ${MAX_TEXT_CHARS} characters`;
  return { type, text, by };
}

function refusalReply(refusal: Refusal): Reply {
  const message = MESSAGES[refusal];
  const body = { error: refusal, ...(message === undefined ? {} : { message }) };
  return json(REFUSAL_STATUS[refusal], body);
}

/** A non-empty text of a JSON object, else null. */
function field(body: unknown, name: string): string | null {
  const value: unknown = typeof body === "object" && body !== null ? Reflect.get(body, name) : null;
  return typeof value === "string" && value !== "" ? value : null;
}
