// Browser notifications of trouble. They are asked for by a button, never when the page loads.
import { marksOf } from "./trouble.js";

/**
 * @typedef {import("./live-calls.js").Row} Row
 * @typedef {{ title: string, body: string, tag: string, link: string }} Alert
 */

const KEPT = "murelay.alerts";
/** Between two notifications. Trouble in between is told with the next one. */
const MIN_PAUSE_MS = 5_000;
const RELAY_TAG = "murelay-relay";

/** @param {Row} row */
const isTroubled = (row) => row.endedMs === null && marksOf(row).length > 0;

/** What is new since the last look. Pure, but for what it remembers. */
export class TroubleWatch {
  /** @type {Set<string>} calls whose trouble was told. */
  #told = new Set();
  #wasLost = false;

  /**
   * @param {readonly Row[]} rows
   * @param {boolean} isLost the relay cannot be reached.
   * @returns {Alert[]}
   */
  look(rows, isLost) {
    /** @type {Alert[]} */
    const alerts = [];
    if (isLost && !this.#wasLost)
      alerts.push({
        title: "The relay cannot be reached",
        body: "Live calls are not shown until it answers.",
        tag: RELAY_TAG,
        link: "#/live",
      });
    this.#wasLost = isLost;
    const known = new Set(rows.map(({ callSid }) => callSid));
    for (const callSid of this.#told) if (!known.has(callSid)) this.#told.delete(callSid);
    for (const row of rows) {
      if (!isTroubled(row) || this.#told.has(row.callSid)) continue;
      this.#told.add(row.callSid);
      alerts.push({
        title: `Trouble in a call with ${row.agent}`,
        body: marksOf(row).join(", "),
        tag: row.callSid,
        link: `#/calls/${encodeURIComponent(row.callSid)}`,
      });
    }
    return alerts;
  }

  /** What was not shown is new when it comes again. @param {string} tag */
  forget(tag) {
    this.#told.delete(tag);
  }
}

export class Alerts {
  #watch = new TroubleWatch();
  #lastMs = Number.NEGATIVE_INFINITY;
  /** @type {Map<string, Alert>} by tag: not shown yet. */
  #pending = new Map();
  isOn = false;

  constructor() {
    this.isOn =
      this.isPossible &&
      sessionStorage.getItem(KEPT) !== null &&
      Notification.permission === "granted";
  }

  /** Browsers offer notifications on https and on this machine only. */
  get isPossible() {
    return typeof Notification !== "undefined" && window.isSecureContext;
  }

  /** @returns {Promise<string>} what to tell the user. */
  async turn(/** @type {boolean} */ on) {
    if (!on) {
      this.isOn = false;
      sessionStorage.removeItem(KEPT);
      return "Notifications are off.";
    }
    this.isOn = (await Notification.requestPermission()) === "granted";
    if (!this.isOn) return "The browser does not allow notifications for this page.";
    sessionStorage.setItem(KEPT, "1");
    return "You will be notified of trouble while this page is open.";
  }

  /**
   * Notifies of new trouble. The store calls it every second.
   *
   * @param {readonly Row[]} rows @param {boolean} isLost @param {number} nowMs
   */
  look(rows, isLost, nowMs) {
    // Also while they are off, so that turning them on does not tell old trouble.
    const alerts = this.#watch.look(rows, isLost);
    if (!this.isOn) {
      this.#pending.clear();
      return;
    }
    for (const alert of alerts) this.#pending.set(alert.tag, alert);
    this.#dropOver(rows, isLost);
    const [first] = this.#pending.values();
    if (first === undefined || nowMs - this.#lastMs < MIN_PAUSE_MS) return;
    this.#lastMs = nowMs;
    const more = this.#pending.size > 1 ? ` And ${this.#pending.size - 1} more.` : "";
    this.#pending.clear();
    const shown = new Notification(first.title, { body: first.body + more, tag: first.tag });
    shown.onclick = () => {
      window.focus();
      location.hash = first.link;
    };
  }

  /** Trouble that is over needs no notification. @param {readonly Row[]} rows @param {boolean} isLost */
  #dropOver(rows, isLost) {
    if (this.#pending.size === 0) return;
    const troubled = new Set(rows.filter(isTroubled).map(({ callSid }) => callSid));
    for (const tag of [...this.#pending.keys()]) {
      if (tag === RELAY_TAG ? isLost : troubled.has(tag)) continue;
      this.#pending.delete(tag);
      this.#watch.forget(tag);
    }
  }
}
