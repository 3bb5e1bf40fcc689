/**
 * Further sections of the evaluation: each runs and reports in Markdown, and lists broken promises.
 */

import { runEchoSection } from "./echo-section.js";
import type { Recording } from "./prompts.js";
import { tuningSection } from "./tuning-set.js";

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

/** In the order in which they are printed. */
export const SECTIONS: readonly RunSection[] = [runEchoSection, tuningSection];
