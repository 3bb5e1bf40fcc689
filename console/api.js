// Requests to the operator API; a refusal becomes an error with a text for the user.
import { refusalText } from "./words.js";

/**
 * @typedef {import("../src/domain/call-record.js").CallRecord} CallRecord
 * @typedef {{ name: string, description: string, kind: string }} Destination
 * @typedef {{ name: string, model: string, language: string, tools: { name: string, description: string }[],
 *   defaultDestination: string | null, destinations: Destination[] }} Agent
 * @typedef {{ version: string, agents: Agent[] }} Directory
 * @typedef {{ ready: boolean, reason: string }} Readiness
 * @typedef {{ calls: CallRecord[], next: string | null }} CallPage
 * @typedef {import("../src/recorder/timeline.js").TimelineEvent} TimelineEvent
 * @typedef {import("../src/recorder/timeline.js").Envelope} Envelope
 * @typedef {{ callSid: string, startedAt: string | null, flight: boolean, envelope: Envelope | null,
 *   audio: { source: "audio" | "recording", startMs: number } | null, events: TimelineEvent[], leftOut: number,
 *   incomplete: string | null }} Timeline
 * @typedef {"viewer" | "supervisor" | "admin"} Role
 * @typedef {{ signedIn: boolean, operator: { name: string, role: Role } | null }} Session
 * @typedef {{ at: string, operator: string, role: Role, action: string, callSid: string | null, status: number }} AuditEntry
 */

// Relative to this file: a proxy may serve the relay under a path of its own.
const ROOT = new URL("../", import.meta.url);

/** The relay refused or did not answer. The message is shown to the user. */
export class ApiError extends Error {
  /** @param {number} status 0: no answer. @param {string} message */
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** @param {string} path */
export function address(path) {
  return new URL(path, ROOT).href;
}

/**
 * @param {string} path relative to the relay.
 * @param {RequestInit} [options]
 * @throws {ApiError}
 */
export async function ask(path, options = {}) {
  /** @type {Response} */
  let answer;
  try {
    answer = await fetch(address(path), options);
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError(0, "The relay cannot be reached.");
  }
  // The session has ended: the same address now shows the sign-in page.
  if (answer.status === 401) location.reload();
  if (!answer.ok)
    throw new ApiError(answer.status, refusalText(answer.status, await bodyOf(answer)));
  return answer;
}

/** @param {Response} answer @returns {Promise<{ error?: unknown, message?: unknown }>} */
async function bodyOf(answer) {
  try {
    const body = await answer.json();
    return typeof body === "object" && body !== null ? body : {};
  } catch {
    // A proxy answered with its own error page: only the status is known.
    return {};
  }
}

/** @param {string} path @param {unknown} body @param {string} [method] */
export async function send(path, body, method = "POST") {
  const headers = { "content-type": "application/json" };
  return await ask(path, { method, headers, body: JSON.stringify(body) });
}

/** @returns {Promise<Directory>} */
export const readDirectory = async () => (await ask("api/agents")).json();

/** @param {Record<string, string>} filter @returns {Promise<CallPage>} */
export const readCalls = async (filter) =>
  (await ask(`api/calls?${new URLSearchParams(filter)}`)).json();

/** @param {string} callSid @returns {Promise<CallRecord>} */
export const readCall = async (callSid) =>
  (await ask(`api/calls/${encodeURIComponent(callSid)}`)).json();

/** @param {string} callSid @returns {Promise<Timeline>} */
export const readTimeline = async (callSid) =>
  (await ask(`api/calls/${encodeURIComponent(callSid)}/timeline`)).json();

/**
 * Files about a call.
 *
 * @param {string} callSid @param {"timeline" | "audio" | "recording" | "flight" | ""} what "": the record.
 */
export const callFile = (callSid, what) =>
  address(`api/calls/${encodeURIComponent(callSid)}${what === "" ? "" : `/${what}`}`);

/**
 * Part of the sound of a call.
 *
 * @param {string} callSid @param {"audio" | "recording"} what @param {number} fromByte @param {number} toByte both inclusive.
 */
export async function readSound(callSid, what, fromByte, toByte) {
  const path = `api/calls/${encodeURIComponent(callSid)}/${what}`;
  const answer = await ask(path, { headers: { range: `bytes=${fromByte}-${toByte}` } });
  return new Uint8Array(await answer.arrayBuffer());
}

/** Lines of the flight recording. @param {string} callSid @param {number} fromMs @param {number} toMs */
export async function readFlight(callSid, fromMs, toMs) {
  const path = `api/calls/${encodeURIComponent(callSid)}/flight?fromMs=${fromMs}&toMs=${toMs}`;
  return (await (await ask(path)).text()).split("\n").filter((line) => line !== "");
}

/** @param {string} callSid */
export const recordingAddress = (callSid) =>
  address(`api/calls/${encodeURIComponent(callSid)}/recording`);

/** @param {string} callSid @param {number} listener */
export const takeOver = (callSid, listener) =>
  send(`api/calls/${encodeURIComponent(callSid)}/take-over`, { listener });

/** @param {string} callSid @param {string} note "": none. */
export const handBack = (callSid, note) =>
  send(`api/calls/${encodeURIComponent(callSid)}/hand-back`, note === "" ? {} : { note });

/** @param {string} callSid */
export const listenAddress = (callSid) =>
  address(`api/calls/${encodeURIComponent(callSid)}/listen`).replace(/^http/, "ws");

/** @param {string} callSid @param {string} destination @param {string} reason */
export const transferCall = (callSid, destination, reason) =>
  send(`api/calls/${encodeURIComponent(callSid)}/transfer`, {
    destination,
    ...(reason === "" ? {} : { reason }),
  });

/** @param {string} callSid @param {string} text */
export const tellModel = (callSid, text) =>
  send(`api/calls/${encodeURIComponent(callSid)}/note`, { text });

/** @param {string} callSid @param {string} text */
export const haveSaid = (callSid, text) =>
  send(`api/calls/${encodeURIComponent(callSid)}/say`, { text });

/** @param {string} callSid */
export const endCall = (callSid) => send(`api/calls/${encodeURIComponent(callSid)}/end`, {});

/** @param {Record<string, unknown>} request @returns {Promise<{ callSid: string }>} */
export const placeCall = async (request) => (await send("api/calls", request)).json();

/** @returns {Promise<Readiness>} also while the relay is not ready. */
export async function readReadiness() {
  try {
    const answer = await fetch(address("ready"));
    return await answer.json();
  } catch {
    throw new ApiError(0, "The relay cannot be reached.");
  }
}

export const readMetrics = async () => (await ask("metrics")).text();

/** @returns {Promise<Session>} `signedIn` is false also when no sign-in is needed. */
export const readSession = async () => (await ask("console/session")).json();

/** Tabs of this browser tell each other that the session has ended. */
export const SESSION_CHANNEL = "murelay.session";

export async function signOut() {
  try {
    await ask("console/session", { method: "DELETE" });
  } finally {
    // The cookie is gone also when the database could not be told.
    new BroadcastChannel(SESSION_CHANNEL).postMessage("signed out");
    location.reload();
  }
}
