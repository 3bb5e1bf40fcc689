/** A supervisor's actions on live calls. */
import type { CallSid } from "../domain/ids.js";
import { type Refusal, SUPERVISOR_END, supervisorTransfer } from "../relay/call/call-command.js";
import type { CallService } from "../relay/calls/call-service.js";
import { failure, object, objectWith, STRING } from "./openapi/route-doc.js";
import type { OperatorRoute } from "./operator-router.js";
import { json, type Reply } from "./reply.js";

const REFUSAL_STATUS: Readonly<Record<Refusal, number>> = {
  not_found: 404,
  not_live: 409,
  destination_unknown: 422,
  invalid: 400,
};

const REFUSED = {
  404: failure("This process and its cluster have no such call"),
  409: failure("The call is not with its agent"),
};

export function callRoutes(calls: Pick<CallService, "execute">): readonly OperatorRoute[] {
  return [
    {
      method: "POST",
      path: "/api/calls/:callSid/transfer",
      access: "guarded",
      doc: {
        summary: "Transfers a live call at once, without a farewell",
        body: objectWith({ destination: STRING }, { reason: STRING }),
        answers: {
          202: {
            description: "The transfer has begun",
            schema: object({ callSid: STRING, destination: STRING }),
          },
          ...REFUSED,
          422: failure("The agent has no such destination"),
        },
      },
      handle: async ({ params, body }) => {
        const destination = field(body, "destination");
        if (destination === null)
          return json(400, { error: "invalid", message: "destination is missing" });
        const callSid = callSidOf(params["callSid"]);
        if (callSid === null) return refusalReply("not_found");
        const command = supervisorTransfer(destination, field(body, "reason"));
        const refusal = await calls.execute(callSid, command);
        return refusal === null ? json(202, { callSid, destination }) : refusalReply(refusal);
      },
    },
    {
      method: "POST",
      path: "/api/calls/:callSid/end",
      access: "guarded",
      doc: {
        summary: "Ends a live call at once",
        answers: {
          202: { description: "The call is being ended", schema: object({ callSid: STRING }) },
          ...REFUSED,
        },
      },
      handle: async ({ params }) => {
        const callSid = callSidOf(params["callSid"]);
        if (callSid === null) return refusalReply("not_found");
        const refusal = await calls.execute(callSid, SUPERVISOR_END);
        return refusal === null ? json(202, { callSid }) : refusalReply(refusal);
      },
    },
  ];
}

function refusalReply(refusal: Refusal): Reply {
  return json(REFUSAL_STATUS[refusal], { error: refusal });
}

/** A non-empty text of a JSON object, else null. */
function field(body: unknown, name: string): string | null {
  const value: unknown = typeof body === "object" && body !== null ? Reflect.get(body, name) : null;
  return typeof value === "string" && value !== "" ? value : null;
}

/**
 * Brands a text that looks like a call's SID, or like the id of a call that reached the model by a
 * trunk; else null.
 */
export function callSidOf(text: string | undefined): CallSid | null {
  return text !== undefined && /^(?:CA[0-9A-Za-z]{1,62}|rtc_[\w-]{1,100})$/.test(text)
    ? (text as CallSid)
    : null;
}
