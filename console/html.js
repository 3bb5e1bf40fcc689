// Preact with htm's templates. All that a template is given becomes text or a property, never markup.
import htm from "./vendor/htm.mjs";
import { Component, createRef, h, render } from "./vendor/preact.mjs";

/** @typedef {import("preact").ComponentChild} View */

export const html = htm.bind(h);
export { Component, createRef, render };
