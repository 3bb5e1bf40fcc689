import type { Destination } from "../../domain/agent-profile.js";
import { RelayError } from "../../domain/errors.js";
import type { NewCall } from "../../ports/twilio.js";
import type { Twiml } from "../../wire/twiml.js";
import type { DocumentEnd, TransferForm } from "../callback-forms.js";
import type { DocumentParts } from "../documents.js";
import type { EntryFields, EntryOf, EntryValues } from "./entry-fields.js";

/** What every entry has, whatever its kind. */
export interface EntryBase {
  readonly name: string;
  readonly description: string;
  readonly then: string | null;
  readonly maxPerHour: number | null;
}

/** A fault of an entry that takes more than one field to see. */
export interface EntryProblem {
  readonly field: string;
  readonly problem: string;
}

export type ConsultCall = Omit<NewCall, "url" | "fallbackUrl">;

/** How a kind calls a human while the caller waits in its document. */
export interface ConsultLeg<D extends Destination> {
  /** How long the leg rings, in seconds. */
  timeoutS(destination: D): number;
  call(destination: D, parts: DocumentParts): ConsultCall;
  /** What the human hears and is asked for. By REST, so at most 4,000 characters. */
  whisper(parts: DocumentParts): Twiml;
}

/**
 * A kind of destination: its entry in the agents file, the caller's document, how the call is
 * moved, and what Twilio's callbacks about it mean. One file each; `kinds.ts` registers them.
 */
export interface DestinationKind<D extends Destination = Destination> {
  readonly kind: D["kind"];
  /** The key by which an entry names this kind. */
  readonly key: string;
  readonly fields: EntryFields;
  /** Of an entry without `max_per_hour`; null: no limit. */
  readonly defaultMaxPerHour: number | null;
  /** @param entry  has passed `fields`, and holds `key`. */
  read(base: EntryBase, entry: EntryValues): D;
  problems(entry: EntryValues): readonly EntryProblem[];
  /** The document or the whisper names the CRM's case: both wait a moment for the CRM's answer. */
  readonly namesCase: boolean;
  /**
   * The same text for the same phone, queue or workflow, whichever agent names it: limits count by
   * it.
   */
  reaches(destination: D): string;
  /**
   * Longest time, in seconds, from the document's beginning to Twilio's news that a human has
   * answered, or none.
   */
  answerTimeS(destination: D): number;
  document(destination: D, parts: DocumentParts): Twiml;
  /** The `action` of the document. */
  end(form: TransferForm): DocumentEnd;
  /** Null: the document itself connects the caller. */
  readonly consult: ConsultLeg<D> | null;
}

type Declaration<D extends Destination, Fields extends EntryFields> = Omit<
  DestinationKind<D>,
  "fields" | "read" | "problems"
> & {
  readonly fields: Fields;
  read(base: EntryBase, entry: EntryOf<Fields>): D;
  problems?(entry: EntryOf<Fields>): readonly EntryProblem[];
};

/**
 * Declares a kind: `destinationKind<Its type>()({…})`. The type of an entry follows from the
 * fields.
 */
export function destinationKind<D extends Destination>() {
  return <const Fields extends EntryFields>(
    declaration: Declaration<D, Fields>,
  ): DestinationKind<D> => ({
    ...declaration,
    // The agents file's schema is made from these very fields.
    read: (base, entry) => declaration.read(base, entry as EntryOf<Fields>),
    problems: (entry) => declaration.problems?.(entry as EntryOf<Fields>) ?? [],
  });
}

/** The schema demands the field that names the kind. */
export function required<Value>(value: Value | undefined, field: string): Value {
  if (value === undefined) throw new RelayError("internal", `a destination without ${field}`);
  return value;
}
