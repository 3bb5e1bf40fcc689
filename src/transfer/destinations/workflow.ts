import type { Destination } from "../../domain/agent-profile.js";
import { queueEnd } from "../callback-forms.js";
import { callbackUrl, type DocumentParts, leadIn, shortReason } from "../documents.js";
import { fitted } from "../shorten.js";
import { destinationKind, required } from "./destination-kind.js";
import { MAX_QUEUE_S, queueAnswerTimeS } from "./queue.js";

type WorkflowDestination = Extract<Destination, { kind: "workflow" }>;

const PRIORITIES = { low: 1, medium: 5, high: 10 };

/**
 * A TaskRouter workflow: the caller waits as in a queue, and a worker gets a task with all that is
 * known.
 */
export const workflow = destinationKind<WorkflowDestination>()({
  kind: "workflow",
  key: "workflow",
  fields: {
    workflow: {
      type: "text",
      minLength: 1,
      maxLength: 64,
      pattern: /^WW[0-9A-Za-z]{1,62}$/,
      problem: "does not begin with WW",
      description: "SID of a TaskRouter workflow",
    },
    priority: {
      type: "priorities",
      defaults: PRIORITIES,
      description: "Of a workflow's task, by urgency",
    },
  },
  defaultMaxPerHour: null,
  read: (base, entry) => ({
    ...base,
    kind: "workflow",
    workflowSid: required(entry.workflow, "workflow"),
    priority: entry.priority ?? PRIORITIES,
  }),
  namesCase: true,
  reaches: ({ workflowSid }) => workflowSid,
  answerTimeS: queueAnswerTimeS,
  document: ({ workflowSid, priority }, parts) =>
    fitted(parts.request.summary ?? "", (summary) => [
      ...leadIn(parts),
      {
        verb: "enqueue",
        action: callbackUrl(parts, "/transfer-status", "document"),
        waitUrl: callbackUrl(parts, "/transfer-status", "wait"),
        target: {
          type: "workflow",
          workflowSid,
          attributes: taskAttributes(parts, summary),
          priority: priority[parts.request.urgency ?? "medium"],
          timeoutS: MAX_QUEUE_S,
        },
      },
    ]),
  end: queueEnd,
  consult: null,
});

function taskAttributes(parts: DocumentParts, summary: string): Readonly<Record<string, unknown>> {
  const { request, agent, recordUrl, caseReference } = parts;
  return {
    reason: shortReason(request),
    summary,
    urgency: request.urgency ?? "medium",
    caller: request.caller,
    language: request.language,
    agent: agent.name,
    callSid: request.callSid,
    record: recordUrl,
    case: caseReference,
  };
}
