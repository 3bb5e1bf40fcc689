// Preact with htm templates. Values in a template become text or properties, never markup.
import htm from "./vendor/htm.mjs";
import { Component, createRef, h, render } from "./vendor/preact.mjs";

/** @typedef {import("preact").ComponentChild} View */

export const html = htm.bind(h);
export { Component, createRef, render };
