// Starts the console.
import { App } from "./app.js";
import { html, render } from "./html.js";
import { Store } from "./store.js";

const root = /** @type {HTMLElement} */ (document.getElementById("app"));
root.textContent = "";
const store = new Store(() => render(html`<${App} store=${store} />`, root));
store.start();
store.changed();
