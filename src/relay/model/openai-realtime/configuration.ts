import type { TurnDetection } from "../../../domain/agent-profile.js";
import { SmallMap } from "../../../domain/small-map.js";
import type { RealtimeSession as SessionFields } from "../../../wire/realtime-client.js";
import type { ServerFault } from "../../../wire/realtime-objects.js";
import type { SessionChange, SessionPart, SessionProfile } from "../model-session.js";
import { OpeningConfiguration } from "./opening-configuration.js";
import type { Outbox } from "./outbox.js";
import { sessionChange, sessionConfig } from "./session-config.js";
import { reduceSession } from "./session-parts.js";

/** Later updates whose refusal may still arrive. */
const MAX_UPDATES_KEPT = 16;

/** Which turns the server answers, and whether the caller's speech ends a response. */
export interface TurnPolicy {
  readonly createResponse: boolean;
  readonly interruptResponse: boolean;
}

export interface ConfigurationHost {
  partRefused(part: SessionPart, tool: string | null): void;
  /** The turn detection in force has changed. */
  turnsChanged(turns: TurnPolicy): void;
}

interface Update {
  readonly fields: SessionFields;
  /** In force before it. */
  readonly turns: TurnPolicy;
}

/**
 * The configuration of one session (promise O4). The first `session.update` is sent again without
 * the part that an error names, until the server accepts it. If a later update is refused, the
 * refused part keeps its previous value.
 */
export class Configuration {
  readonly #outbox: Outbox;
  readonly #host: ConfigurationHost;
  /** Null once it is accepted: it holds the instructions and all tools. */
  #first: OpeningConfiguration | null;
  #firstId = "configure";
  #sent = false;
  readonly #updates = new SmallMap<string, Update>();
  #turns: TurnPolicy;

  constructor(profile: SessionProfile, outbox: Outbox, host: ConfigurationHost) {
    this.#outbox = outbox;
    this.#host = host;
    this.#first = new OpeningConfiguration(sessionConfig(profile));
    this.#turns = policyOf(profile.turnDetection);
  }

  get turns(): TurnPolicy {
    return this.#turns;
  }

  sendFirst(): void {
    if (this.#first === null) return;
    const { session } = this.#first;
    this.#sent = true;
    this.#outbox.send({ type: "session.update", event_id: this.#firstId, session });
  }

  accepted(): void {
    this.#first = null;
  }

  /**
   * The first update was refused.
   *
   * @returns  false when the error does not name a part that the session can do without.
   */
  firstRefused(fault: ServerFault): boolean {
    const reduced = this.#first?.refused(fault) ?? null;
    if (this.#first === null || reduced === null) return false;
    this.#firstId = `configure-${this.#first.reductions + 1}`;
    this.#host.partRefused(reduced.part, reduced.tool);
    this.sendFirst();
    return true;
  }

  isFirst(eventId: string | null): boolean {
    return eventId === this.#firstId;
  }

  /** It has been sent and not been accepted: the server knows no other event of this session. */
  get isUnderWay(): boolean {
    return this.#sent && this.#first !== null;
  }

  /** @param hasSpoken  the model has spoken in this session, which then keeps its voice. */
  change(change: SessionChange, hasSpoken: boolean): void {
    const { voice: _, ...rest } = change;
    const turns = this.#turns;
    if (change.turnDetection !== undefined) this.#setTurns(policyOf(change.turnDetection));
    this.#send(sessionChange(hasSpoken ? rest : change), turns);
  }

  #send(fields: SessionFields, turns: TurnPolicy): void {
    // An update without changes would have no effect.
    if (Object.keys(fields).length < 2) return;
    const eventId = this.#outbox.eventId("update");
    if (this.#updates.size >= MAX_UPDATES_KEPT) this.#updates.dropOldest();
    this.#updates.set(eventId, { fields, turns });
    this.#outbox.send({ type: "session.update", event_id: eventId, session: fields });
  }

  /** False: the refused event was not an update of the configuration. */
  changeRefused(fault: ServerFault): boolean {
    const update = fault.eventId === null ? undefined : this.#updates.get(fault.eventId);
    if (update === undefined) return false;
    this.#updates.delete(fault.eventId!);
    const named = reduceSession(update.fields, fault)?.part ?? null;
    const part = named ?? partOf(update.fields);
    if (update.fields.audio?.input !== undefined) this.#setTurns(update.turns);
    this.#host.partRefused(part, null);
    // The server may accept the rest of the update. The refused part keeps its value.
    if (named !== null) this.#send(withoutPart(update.fields, named), update.turns);
    return true;
  }

  #setTurns(turns: TurnPolicy): void {
    this.#turns = turns;
    this.#host.turnsChanged(turns);
  }
}

function policyOf({ createResponse, interruptResponse }: TurnDetection): TurnPolicy {
  return { createResponse, interruptResponse };
}

/** The main part of an update, for an error that names none. */
function partOf(fields: SessionFields): SessionPart {
  if (fields.audio?.input?.turn_detection !== undefined) return "turn_detection";
  if (fields.instructions !== undefined) return "instructions";
  return "voice";
}

function withoutPart(fields: SessionFields, part: SessionPart): SessionFields {
  const { audio, instructions } = fields;
  const input = part === "voice" ? audio?.input : undefined;
  const output = part === "voice" ? undefined : audio?.output;
  return {
    type: "realtime",
    ...(instructions === undefined || part === "instructions" ? {} : { instructions }),
    ...(input === undefined && output === undefined
      ? {}
      : {
          audio: {
            ...(input === undefined ? {} : { input }),
            ...(output === undefined ? {} : { output }),
          },
        }),
  };
}
