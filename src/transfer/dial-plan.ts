import type { AgentProfile, Destination, DialTarget } from "../agent.js";
import type { DialNoun, Twiml, TwimlVerb } from "../wire/twiml.js";

export interface DialOptions {
  /** Absolute URL that Twilio asks when the dial is over. */
  readonly action: string;
  /** Shown to the human; null: the caller's own number. */
  readonly callerId: string | null;
  readonly language: string;
  /** Say a line first: the agent did not, because it was left out of this. */
  readonly announce: boolean;
}

const ONE_MOMENT = "One moment please, I am connecting you.";
/** As long as most desks let a phone ring. */
const RING_S = 25;

/** The document that connects a caller with a destination. */
export function dialTwiml(destination: Destination, options: DialOptions): Twiml {
  const verbs: TwimlVerb[] = [];
  if (options.announce) verbs.push({ verb: "say", text: ONE_MOMENT, language: options.language });
  switch (destination.kind) {
    case "dial":
    case "warm":
      verbs.push(dial(destination.target, destination.timeoutS, options));
      break;
    case "enqueue":
      verbs.push({
        verb: "enqueue",
        action: options.action,
        target: { type: "queue", name: destination.queue },
      });
      break;
    case "workflow":
      verbs.push({
        verb: "enqueue",
        action: options.action,
        target: {
          type: "workflow",
          workflowSid: destination.workflowSid,
          attributes: {},
          priority: destination.priority.medium,
        },
      });
      break;
  }
  return verbs;
}

function dial(target: DialTarget, timeoutS: number, options: DialOptions): TwimlVerb {
  return {
    verb: "dial",
    target: noun(target),
    action: options.action,
    timeoutS: timeoutS || RING_S,
    ...(options.callerId === null ? {} : { callerId: options.callerId }),
  };
}

function noun(target: DialTarget): DialNoun {
  switch (target.type) {
    case "number":
      return { type: "number", e164: target.e164 };
    case "sip":
      return { type: "sip", uri: target.uri };
    case "client":
      return { type: "client", identity: target.identity };
  }
}

/** For callers whose agent failed or is not to be had: an apology, then a human if the agent names one. */
export function fallbackTwiml(agent: AgentProfile, action: string, _why: "failure" | "overflow"): Twiml {
  const apology: TwimlVerb = { verb: "say", text: agent.apology, language: agent.language };
  const { default: name, destinations, callerId } = agent.transfer;
  const destination = name === null ? undefined : destinations.get(name);
  if (destination === undefined) return [apology, { verb: "hangup" }];
  return [
    apology,
    ...dialTwiml(destination, { action, callerId, language: agent.language, announce: false }),
  ];
}
