import { closeSync, openSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
  descriptorLimit,
  descriptorsNeeded,
  lowestFreeDescriptor,
} from "../../../src/adapters/system/descriptors.js";

const LIMITS = "Limit      Soft Limit  Hard Limit  Units\nMax open files   1024   4096   files\n";

describe("descriptors", () => {
  it("are limited as the system says", () => {
    expect(descriptorLimit(() => LIMITS)).toBe(1024);
    expect(descriptorLimit(() => "Max open files   unlimited  unlimited  files\n")).toBeNull();
    expect(
      descriptorLimit(() => {
        throw new Error("no /proc");
      }),
    ).toBeNull();
  });

  it("are needed twice by each call, and by the rest", () => {
    expect(descriptorsNeeded(500)).toBe(1256);
  });

  it("that are open move the lowest free one up", () => {
    const before = lowestFreeDescriptor()!;
    const opened = [openSync("/dev/null", "r"), openSync("/dev/null", "r")];
    expect(lowestFreeDescriptor()).toBeGreaterThan(before);
    for (const descriptor of opened) closeSync(descriptor);
    expect(lowestFreeDescriptor()).toBe(before);
  });
});
