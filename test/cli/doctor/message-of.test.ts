import { expect, it } from "vitest";
import { messageOf } from "../../../src/cli/doctor/message-of.js";

it.each([
  [new TypeError("not a function"), "not a function"],
  ["thrown as it is", "thrown as it is"],
  [undefined, "undefined"],
])("messageOf says what was thrown: %s", (thrown, text) => {
  expect(messageOf(thrown)).toBe(text);
});
