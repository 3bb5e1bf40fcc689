/**
 * The register of destination kinds: a new one is a file beside this one, a line here, and its type
 * in `domain`.
 */
import type { Destination } from "../../domain/agent-profile.js";
import type { DestinationKind } from "./destination-kind.js";
import { dial } from "./dial.js";
import { queue } from "./queue.js";
import { warm } from "./warm.js";
import { workflow } from "./workflow.js";

const KINDS: {
  readonly [Kind in Destination["kind"]]: DestinationKind<Extract<Destination, { kind: Kind }>>;
} = {
  dial,
  enqueue: queue,
  workflow,
  warm,
};

/** In the order in which the agents file's documentation lists them. */
export const DESTINATION_KINDS: readonly DestinationKind[] = Object.values(KINDS);

export function kindOf(destination: Destination): DestinationKind {
  return KINDS[destination.kind];
}

/** How long its consult leg rings, in seconds. Null: this kind has none. */
export function consultTimeoutS(destination: Destination): number | null {
  return kindOf(destination).consult?.timeoutS(destination) ?? null;
}

/** Longest time, in seconds, until Twilio says whether a human has answered. */
export function answerTimeS(destination: Destination): number {
  return kindOf(destination).answerTimeS(destination);
}
