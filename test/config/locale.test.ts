import { describe, expect, it } from "vitest";
import { isLanguageTag, isTimeZone } from "../../src/config/locale.js";

describe("isLanguageTag", () => {
  it.each(["en", "en-US", "zh-Hant-TW", "es-419"])("takes %s", (tag) => {
    expect(isLanguageTag(tag)).toBe(true);
  });
  it.each(["", "e", "en_US", "englishspeaking", "en-", "en US"])("refuses %j", (tag) => {
    expect(isLanguageTag(tag)).toBe(false);
  });
});

describe("isTimeZone", () => {
  it.each(["UTC", "Europe/Berlin", "America/New_York"])("takes %s", (zone) => {
    expect(isTimeZone(zone)).toBe(true);
  });
  it.each(["", "Mars/Olympus", "Europe/", "+05:00", "-03:00", "5"])("refuses %j", (zone) => {
    expect(isTimeZone(zone)).toBe(false);
  });
});
