import { CLOCK_CASES } from "./cases/clock.js";
import { DATABASE_CASES } from "./cases/database.js";
import { FLOOD_CASES } from "./cases/floods.js";
import { HTTP_CASES } from "./cases/http.js";
import { MEDIA_CASES } from "./cases/media.js";
import { MODEL_CASES } from "./cases/model.js";
import { OUTSIDE_CASES } from "./cases/outside.js";
import { PROCESS_CASES } from "./cases/process.js";
import { RECORDS_CASES } from "./cases/records.js";
import { TOOL_CASES } from "./cases/tools.js";
import { WORDS_CASES } from "./cases/words.js";
import type { FaultCase } from "./fault-case.js";

/** In the order of the run; those on a relay of their own come last. */
export const FAULT_CASES: readonly FaultCase[] = [
  ...HTTP_CASES,
  ...MEDIA_CASES,
  ...FLOOD_CASES,
  ...MODEL_CASES,
  ...OUTSIDE_CASES,
  ...DATABASE_CASES,
  ...RECORDS_CASES,
  ...TOOL_CASES,
  ...PROCESS_CASES,
  ...CLOCK_CASES,
  ...WORDS_CASES,
];
