// Turns codes of the relay into text for the pages.

/** @type {Readonly<Record<string, string>>} */
const REFUSALS = {
  not_found: "There is no such call.",
  role: "Your role does not allow this.",
  not_live: "The call has ended, or has not been answered yet.",
  destination_unknown: "The agent has no such destination.",
  agent_unknown: "There is no such agent.",
  from_missing: "The agents file has no number for this agent: enter a caller ID.",
  draining: "The relay is draining and is not accepting new calls.",
  full: "The relay is full and is not accepting new calls.",
  overloaded: "The relay is overloaded and is not accepting new calls.",
  tokens: "The model's limit of tokens per minute is nearly reached.",
  store_unavailable: "The database is not reachable.",
  twilio_busy: "Twilio is busy: try again.",
  no_worker: "No worker of the relay answers.",
  origin:
    "The relay considers this page part of another site: the proxy in front must pass on the Host header.",
  host: "Without ADMIN_TOKEN the relay answers only under this machine's own names.",
  internal: "The relay failed. Its log gives the reason.",
};

/** @param {number} status @param {{ error?: unknown, message?: unknown }} body @returns {string} */
export function refusalText(status, { error, message }) {
  const known = typeof error === "string" ? REFUSALS[error] : undefined;
  const said = typeof message === "string" ? message : undefined;
  // "Not found" may be of a call, or of something that belongs to it.
  return (
    (error === "not_found" ? said : undefined) ??
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
  database: "the database is not reachable",
  disk: "the disk is full",
  no_worker: "no worker answers",
  tokens: "the model's token limit is near",
};

/** @param {string} reason */
export const readinessText = (reason) => READINESS[reason] ?? reason.replaceAll("_", " ");

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
export const byText = (by) => BY[by] ?? by;
