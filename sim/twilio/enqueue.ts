/** `<Enqueue>` and `<Dial><Queue>`: the wait, the agent who takes the caller, the end of it. */
import type { CallLeg } from "./call-leg.js";
import type { TwilioContext } from "./context.js";
import type { Queue, QueueMember } from "./queues.js";
import { actionOf, type Next, STOPPED, type VerbContext, waitFor } from "./verb-context.js";
import type { XmlElement } from "./xml.js";

/** Between two fetches of a `waitUrl` document that plays nothing. */
const WAIT_LOOP_MS = 1000;

export async function enqueue(verb: XmlElement, context: VerbContext): Promise<Next> {
  const { leg, twilio } = context;
  const workflowSid = verb.attributes["workflowSid"];
  const queue = twilio.queues.queue(workflowSid ?? verb.text);
  if (workflowSid !== undefined) createTask(verb, workflowSid, leg, twilio);
  const sinceMs = twilio.clock.nowMs();
  const result = (outcome: string) => ({
    QueueResult: outcome,
    QueueSid: queue.sid,
    QueueTime: String(Math.round((twilio.clock.nowMs() - sinceMs) / 1000)),
  });
  const most = Number(verb.attributes["maxQueueSize"] ?? 1000);
  if (queue.members.length >= most) return actionOf(verb, result("queue-full"));
  const left = (outcome: string): Next => {
    leg.events.add("queue_left", { queue: queue.name, result: outcome });
    return actionOf(verb, result(outcome));
  };
  return waitForAgent(verb, queue, context, left);
}

/** `<Dial><Queue>`: takes the first caller. Resolves when the talk is over; false: none waited. */
export async function dequeue(
  twilio: TwilioContext,
  name: string,
  by: CallLeg,
  signal: AbortSignal,
): Promise<boolean> {
  const member = twilio.queues.queue(name).members.shift();
  if (member === undefined) return false;
  await twilio.queues.talk(member, by.party.talkMs, signal, by);
  return true;
}

/** Until an agent comes, the caller's document says Leave or Hangup, or the leg is taken away. */
async function waitForAgent(
  verb: XmlElement,
  queue: Queue,
  context: VerbContext,
  left: (outcome: string) => Next,
): Promise<Next> {
  const { leg, twilio, signal } = context;
  let taken: QueueMember["taken"] = () => {};
  const agent = new Promise<{ talk: Promise<void> }>((resolve) => {
    taken = (talk) => resolve({ talk });
  });
  const member: QueueMember = { leg, sinceMs: twilio.clock.nowMs(), taken };
  queue.members.push(member);
  leg.events.add("enqueued", { queue: queue.name, position: queue.members.length });
  if (verb.attributes["waitUrl"] === undefined) leg.setSound("music");
  twilio.queues.callAgent(queue, signal);
  const stopWaiting = new AbortController();
  const ended = waitInQueue(verb, queue, member, context, stopWaiting.signal);
  const aborted = new Promise<"aborted">((resolve) => {
    if (signal.aborted) resolve("aborted");
    signal.addEventListener("abort", () => resolve("aborted"), { once: true });
  });
  const first = await Promise.race([agent, ended, aborted]);
  stopWaiting.abort();
  const at = queue.members.indexOf(member);
  if (at >= 0) queue.members.splice(at, 1);
  if (typeof first === "object") {
    leg.events.add("dial_bridged", { to: `queue:${queue.name}`, sid: "" });
    leg.setBridgedWith(`queue:${queue.name}`);
    await Promise.race([first.talk, aborted]);
    if (signal.aborted)
      return gone(verb, leg, twilio, left(leg.over ? "hangup" : "redirected-from-bridged"));
    leg.setBridgedWith(null);
    return left("bridged");
  }
  if (first === "aborted") return gone(verb, leg, twilio, left(leg.over ? "hangup" : "redirected"));
  if (first === "leave") return left("leave");
  left("hangup");
  return { to: "end", why: "hangup" };
}

/** Twilio requests `action` at once when the caller was moved or went. */
function gone(verb: XmlElement, leg: CallLeg, twilio: TwilioContext, next: Next): Next {
  if (next.to === "document" && "url" in next.source)
    twilio.callback(
      leg,
      next.source.url,
      leg.form(next.source.form),
      `action of <${verb.name}>`,
      next.source.method,
    );
  return STOPPED;
}

/** Runs the `waitUrl` document in a loop. */
async function waitInQueue(
  verb: XmlElement,
  queue: Queue,
  member: QueueMember,
  context: VerbContext,
  stop: AbortSignal,
): Promise<"leave" | "hangup"> {
  const url = verb.attributes["waitUrl"];
  const { twilio, leg, signal } = context;
  if (url === undefined || url === "") return new Promise<never>(() => {});
  for (;;) {
    const position = queue.members.indexOf(member) + 1;
    const waitedS = Math.round((twilio.clock.nowMs() - member.sinceMs) / 1000);
    leg.events.add("queue_wait", { queue: queue.name, position });
    const startedMs = twilio.clock.nowMs();
    const next = await context.runDocument({
      url,
      waiting: true,
      form: {
        QueueSid: queue.sid,
        QueuePosition: String(position),
        QueueTime: String(waitedS),
        AvgQueueTime: String(waitedS),
        CurrentQueueSize: String(queue.members.length),
        MaxQueueSize: verb.attributes["maxQueueSize"] ?? "1000",
      },
    });
    if (stop.aborted || signal.aborted) return new Promise<never>(() => {});
    if (next.to === "end" && next.why === "leave") return "leave";
    if (next.to === "end" && next.why === "hangup") return "hangup";
    const leastMs = WAIT_LOOP_MS / twilio.speed;
    const spentMs = twilio.clock.nowMs() - startedMs;
    if (spentMs < leastMs) await waitFor(twilio, leastMs - spentMs, signal);
    if (stop.aborted || signal.aborted) return new Promise<never>(() => {});
  }
}

function createTask(
  verb: XmlElement,
  workflowSid: string,
  leg: CallLeg,
  twilio: TwilioContext,
): void {
  const task = verb.children.find((child) => child.name === "Task");
  let attributes: unknown = {};
  try {
    attributes = JSON.parse(task?.text ?? "{}");
  } catch {
    // Reported already, when the document was checked.
    attributes = null;
  }
  twilio.queues.tasks.push({
    sid: twilio.sid("WT"),
    workflowSid,
    callSid: leg.sid,
    attributes,
    priority: Number(task?.attributes["priority"] ?? 0),
    timeoutS: Number(task?.attributes["timeout"] ?? 86_400),
  });
}
