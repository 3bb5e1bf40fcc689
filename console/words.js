// Codes of the relay as words for people.

/** @type {Readonly<Record<string, string>>} */
const REFUSALS = {
  not_found: "There is no such call.",
  not_live: "The call is over, or not yet answered.",
  destination_unknown: "The agent has no such destination.",
  agent_unknown: "There is no such agent.",
  from_missing: "No number of the agents file is this agent's: name one to call from.",
  draining: "The relay is draining and takes no more calls.",
  full: "The relay has no room for another call.",
  overloaded: "The relay is at the end of its strength and takes no more calls.",
  tokens: "The model's limit of tokens a minute is nearly used up.",
  store_unavailable: "The database is away.",
  twilio_busy: "Twilio has too much to do; try again.",
  no_worker: "No worker of the relay answers.",
  origin:
    "The relay takes this page for another site's: a proxy in front must pass the Host header on.",
  host: "Without ADMIN_TOKEN the relay answers to this machine's own names only.",
  internal: "The relay failed; its log says why.",
};

/** @param {number} status @param {{ error?: unknown, message?: unknown }} body @returns {string} */
export function refusalWords(status, { error, message }) {
  const known = typeof error === "string" ? REFUSALS[error] : undefined;
  const said = typeof message === "string" ? message : undefined;
  return (
    known ??
    said ??
    `The relay answered ${status}${typeof error === "string" ? ` (${error})` : ""}.`
  );
}

/** @type {Readonly<Record<string, string>>} */
const READINESS = {
  ok: "ready",
  draining: "draining: no new calls",
  full: "full: no new calls",
  overloaded: "overloaded: no new calls",
  database: "the database is away",
  disk: "the disk is full",
  no_worker: "no worker answers",
  tokens: "the model's token limit is near",
};

/** @param {string} reason */
export const readinessWords = (reason) => READINESS[reason] ?? reason.replaceAll("_", " ");

/** @param {string} code "no_answer" → "no answer" */
export const plain = (code) => code.replaceAll("_", " ");

/** @type {Readonly<Record<string, string>>} */
const BY = {
  agent: "the agent",
  key: "the caller's key",
  supervisor: "a supervisor",
  failure: "a failure",
  limit: "a limit",
};

/** @param {string} by */
export const byWords = (by) => BY[by] ?? by;
