// The frame around every page: navigation, connection state and notices.
import { signOut } from "./api.js";
import { Component, html } from "./html.js";
import { ShortcutSheet } from "./shortcuts.js";
import { AuditView } from "./view-audit.js";
import { CallView } from "./view-call.js";
import { EndedView } from "./view-ended.js";
import { HealthView } from "./view-health.js";
import { InspectView } from "./view-inspect.js";
import { LiveView } from "./view-live.js";
import { PlaceView } from "./view-place.js";
import { TalkView } from "./view-talk.js";
import { WallView } from "./view-wall.js";
import { readinessText } from "./words.js";

/** @typedef {import("./store.js").Store} Store */

const PAGES = /** @type {const} */ ([
  ["live", "#/live", "Live calls"],
  ["wall", "#/wall", "Wall"],
  ["ended", "#/ended", "Ended calls"],
  ["review", "#/review", "Review"],
  ["place", "#/place", "Place a call"],
  ["talk", "#/talk", "Talk"],
  ["health", "#/health", "Health"],
  ["audit", "#/audit", "Audit"],
]);

/** @param {Store} store @param {(typeof PAGES)[number][0]} name */
function isShown(store, name) {
  if (name === "talk") return store.phoneUrl !== null;
  if (name === "place") return store.mayAct;
  return name !== "audit" || store.role === "admin";
}

/** @param {Store} store */
function page(store) {
  const { route } = store;
  switch (route.page) {
    case "call":
      return html`<${CallView} key=${route.callSid} store=${store} callSid=${route.callSid} />`;
    case "inspect":
      return html`<${InspectView} key=${route.callSid} store=${store} callSid=${route.callSid} atMs=${route.atMs} zoom=${route.zoom} />`;
    case "ended":
    case "review": {
      const queue = route.page === "review";
      return html`<${EndedView} key=${route.page} store=${store} filter=${route.filter} queue=${queue} />`;
    }
    case "wall":
      return html`<${WallView} store=${store} />`;
    case "place":
      return html`<${PlaceView} store=${store} />`;
    case "health":
      return html`<${HealthView} store=${store} />`;
    case "audit":
      return html`<${AuditView} filter=${route.filter} />`;
    case "talk":
      return html`<${TalkView} store=${store} />`;
    default:
      return html`<${LiveView} store=${store} />`;
  }
}

/** @param {{ store: Store }} props */
function Connection({ store }) {
  const { connection, readiness, why } = store;
  if (connection === "lost") return html`<span class="badge bad" title=${why}>not connected</span>`;
  if (connection === "connecting" || readiness === null)
    return html`<span class="badge">connecting</span>`;
  return html`<span class=${`badge ${readiness.ready ? "good" : "warn"}`}>${readinessText(readiness.reason)}</span>`;
}

/** @extends {Component<{ store: Store }>} */
export class App extends Component {
  #page = "";

  /** @override Moves the focus to the heading of a new page, so that screen readers start there. */
  componentDidUpdate() {
    const { route } = this.props.store;
    const page = "callSid" in route ? `${route.page} ${route.callSid}` : route.page;
    if (page === this.#page) return;
    const first = this.#page === "";
    this.#page = page;
    const title = PAGES.find(([name]) => name === route.page)?.[2] ?? "Call";
    document.title = `${title} · murelay`;
    const heading = document.querySelector("main h1");
    if (first || !(heading instanceof HTMLElement)) return;
    heading.focus({ preventScroll: true });
    window.scrollTo(0, 0);
  }

  /** @override */
  componentDidMount() {
    this.componentDidUpdate();
  }

  /** @override */
  render() {
    const { store } = this.props;
    const pages = PAGES.filter(([name]) => isShown(store, name));
    const current = store.route.page === "call" ? "" : store.route.page;
    return html`
      <a class="skip" href="#main" onClick=${skip}>Skip to the page</a>
      <header class="top">
        <a class="brand" href="#/live"><img src="console/icon.svg" alt="" width="24" height="24" />murelay</a>
        <nav aria-label="Pages">
          ${pages.map(
            ([name, link, title]) =>
              html`<a key=${name} href=${link} aria-current=${name === current ? "page" : undefined}>${title}${
                name === "live" ? html` <span class="count">${store.live.size}</span>` : null
              }</a>`,
          )}
        </nav>
        <span class="state"><${Connection} store=${store} /></span>
        <button type="button" class="quiet keys" aria-label="Keyboard shortcuts" title="Keyboard shortcuts (?)" onClick=${() => store.showHelp(true)}>?</button>
        ${store.signedIn ? html`<span class="who" title=${`Role: ${store.role}`}>${store.operator}</span><button type="button" class="quiet" onClick=${signOut}>Sign out</button>` : null}
      </header>
      ${
        store.connection === "lost"
          ? html`<p class="banner" role="alert">${store.why} The data shown may be outdated. Reconnecting …</p>`
          : null
      }
      <main id="main" tabindex="-1">${page(store)}</main>
      ${store.help ? html`<${ShortcutSheet} close=${() => store.showHelp(false)} />` : null}
      <p class=${store.notice === "" ? "notice" : "notice shown"} role="status">${store.notice}</p>
    `;
  }
}

/** Skips without following the link: the part after "#" names the current page. @param {Event} event */
function skip(event) {
  event.preventDefault();
  document.getElementById("main")?.focus();
}
