import type { Recording } from "./prompts.js";

/** A further section of the evaluation: it runs, reports in Markdown and lists broken promises. */
export interface Section {
  /** Also the key in the JSON file. */
  readonly name: string;
  /** Begins with its heading. */
  readonly markdown: string;
  /** A sentence each. */
  readonly missed: readonly string[];
  readonly json: unknown;
}

export interface SectionTask {
  /** Both halves. */
  readonly speech: readonly Recording[];
  readonly quick: boolean;
  readonly seed: number;
}

export type RunSection = (task: SectionTask) => Section;
