import type { AgentProfile, Destination } from "../../src/domain/agent-profile.js";
import { agent } from "../fakes/call-bench.js";

export const DESTINATIONS: Readonly<Record<string, Destination>> = {
  desk: {
    name: "desk",
    description: "people",
    then: null,
    kind: "dial",
    target: { type: "number", e164: "+12025550111" },
    timeoutS: 20,
  },
  sip: {
    name: "sip",
    description: "invoices",
    then: null,
    kind: "dial",
    target: { type: "sip", uri: "sip:billing@pbx.example.com" },
    timeoutS: 20,
  },
  queue: {
    name: "queue",
    description: "hold queue",
    then: null,
    kind: "enqueue",
    queue: "support",
  },
  experts: {
    name: "experts",
    description: "complex issues",
    then: null,
    kind: "workflow",
    workflowSid: `WW${"0".repeat(32)}`,
    priority: { low: 1, medium: 5, high: 10 },
  },
  warm: {
    name: "warm",
    description: "stays with the caller",
    then: null,
    kind: "warm",
    target: { type: "number", e164: "+12025550122" },
    timeoutS: 20,
  },
  warm_too: {
    name: "warm_too",
    description: "the second one",
    then: null,
    kind: "warm",
    target: { type: "client", identity: "anna" },
    timeoutS: 15,
  },
};

/** An agent whose default is the first of these; each leads to the next. */
export function failoverAgent(...names: readonly string[]): AgentProfile {
  const base = agent();
  const destinations = new Map(
    names.map((name, i): [string, Destination] => {
      const destination = DESTINATIONS[name];
      if (destination === undefined) throw new Error(`no ${name}`);
      return [name, { ...destination, then: names[i + 1] ?? null }];
    }),
  );
  return agent({ transfer: { ...base.transfer, default: names[0] ?? null, destinations } });
}
