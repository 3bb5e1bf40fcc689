/** The further sections of the evaluation. */
import { runEchoSection } from "./echo-section.js";
import type { RunSection } from "./section.js";
import { tuningSection } from "./tuning-set.js";

/** In the order in which they are printed. */
export const SECTIONS: readonly RunSection[] = [runEchoSection, tuningSection];
