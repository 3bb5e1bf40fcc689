// The state that all pages share. It requests a redraw at most once per animation frame.
import { Alerts } from "./alerts.js";
import { ApiError, readDirectory, readReadiness, readSession, SESSION_CHANNEL } from "./api.js";
import { Feed } from "./feed.js";
import { LiveCalls } from "./live-calls.js";
import { phoneIn, readRoute } from "./route.js";
import { listenForShortcuts, moveInList } from "./shortcuts.js";

/** @typedef {import("./live-calls.js").LiveEvent} LiveEvent */

const READY_EVERY_MS = 10_000;
/** After this long in the background, a page closes its event stream. */
const HIDDEN_MS = 5_000;
const PHONE = "murelay.phone";

export class Store {
  live = new LiveCalls();
  /** @type {import("./feed.js").FeedState} */
  connection = "connecting";
  why = "";
  /** @type {import("./api.js").Directory} */
  directory = { version: "", agents: [] };
  /** @type {import("./api.js").Readiness | null} null: not known. */
  readiness = null;
  /** True when the browser has a console session, which can be ended. */
  signedIn = false;
  /** @type {import("./api.js").Role} the least, until the relay has said which. */
  role = "viewer";
  operator = "";
  showNumbers = false;
  search = "";
  /** A message that is shown and read out for a few seconds. */
  notice = "";
  /** @type {string | null} the address of the softphone's server. */
  phoneUrl = null;
  /** @type {import("./route.js").Route} */
  route = { page: "live" };
  nowMs = Date.now();
  alerts = new Alerts();
  /** The sheet of keyboard shortcuts is open. */
  help = false;
  /** @type {() => void} */
  #draw;
  #due = false;
  #paused = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #unseen;
  /** @type {Set<(event: LiveEvent | null) => void>} */
  #listeners = new Set();
  #feed = new Feed({
    state: (state, why) => {
      const back = state === "live" && this.connection === "lost";
      // While a retry is in progress, the page still shows "lost".
      if (state !== "connecting" || this.connection !== "lost") this.connection = state;
      this.why = why;
      if (back) this.say("Connected again.");
      this.changed();
    },
    reset: (records) => {
      this.live.reset(records);
      void this.#readDirectory();
      for (const listener of this.#listeners) listener(null);
      this.changed();
    },
    event: (event) => {
      this.live.apply(event);
      for (const listener of this.#listeners) listener(event);
      this.changed();
    },
  });

  /** @param {() => void} draw */
  constructor(draw) {
    this.#draw = draw;
  }

  start() {
    this.navigated();
    window.addEventListener("hashchange", () => {
      this.navigated();
      this.changed();
    });
    this.#feed.start();
    // Another tab of this browser was signed out of, so this one was, too.
    new BroadcastChannel(SESSION_CHANNEL).onmessage = () => location.reload();
    listenForShortcuts((shortcut) => this.#run(shortcut));
    document.addEventListener("visibilitychange", () => this.#seen());
    void this.#watchReadiness();
    setInterval(() => {
      this.nowMs = Date.now();
      this.live.tidy(this.nowMs);
      const { rows } = this.live.find("", Number.POSITIVE_INFINITY);
      this.alerts.look(rows, this.connection === "lost", this.nowMs);
      if (!document.hidden) this.changed();
    }, 1_000);
  }

  /** Whether the operator may act in calls. */
  get mayAct() {
    return this.role !== "viewer";
  }

  navigated() {
    const brought = phoneIn(location.hash);
    if (brought !== null) {
      sessionStorage.setItem(PHONE, brought);
      // Its secret must not stay in an address that the user may share.
      history.replaceState(null, "", "#/talk");
    }
    this.phoneUrl = brought ?? sessionStorage.getItem(PHONE);
    this.route = readRoute(location.hash);
  }

  /** Redraws with the next animation frame. */
  changed() {
    if (this.#due) return;
    this.#due = true;
    requestAnimationFrame(() => {
      this.#due = false;
      this.#draw();
    });
  }

  /** @param {string} text */
  say(text) {
    this.notice = text;
    this.changed();
    setTimeout(() => {
      if (this.notice !== text) return;
      this.notice = "";
      this.changed();
    }, 6_000);
  }

  /** Calls the listener with each event; with null when events may have been missed. @param {(event: LiveEvent | null) => void} listener @returns {() => void} */
  listen(listener) {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** @param {boolean} isShown */
  showHelp(isShown) {
    this.help = isShown;
    this.changed();
  }

  /** @param {boolean} on */
  async turnAlerts(on) {
    this.say(await this.alerts.turn(on));
  }

  /** @param {import("./shortcut-keys.js").Shortcut} shortcut */
  #run({ link, act }) {
    if (link !== undefined) location.hash = link;
    if (act === "help") this.showHelp(true);
    if (act === "next") moveInList(1);
    if (act === "previous") moveInList(-1);
    if (act === "search") {
      const field = document.querySelector("main input[type=search]");
      if (field instanceof HTMLElement) field.focus();
    }
    if (act === "numbers") {
      this.showNumbers = !this.showNumbers;
      this.changed();
    }
  }

  #seen() {
    clearTimeout(this.#unseen);
    // Notifications of trouble need the stream most while the page is not looked at.
    if (document.hidden && this.alerts.isOn) return;
    if (document.hidden) {
      this.#unseen = setTimeout(() => {
        this.#paused = true;
        this.#feed.pause();
      }, HIDDEN_MS);
    } else if (this.#paused) {
      this.#paused = false;
      this.#feed.start();
    }
  }

  async #readDirectory() {
    try {
      this.directory = await readDirectory();
      const { signedIn, operator } = await readSession();
      this.signedIn = signedIn;
      this.role = operator?.role ?? "viewer";
      this.operator = operator?.name ?? "";
      this.changed();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.say(error.message);
    }
  }

  async #watchReadiness() {
    try {
      this.readiness = await readReadiness();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.readiness = null;
      if (this.connection === "live") this.#feed.suspect();
    }
    this.changed();
    setTimeout(() => void this.#watchReadiness(), READY_EVERY_MS);
  }
}
