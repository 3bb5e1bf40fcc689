import { describe, expect, it } from "vitest";
import { printConfig, printSchema } from "../../src/cli/config-command.js";
import { FakeIo } from "../fakes/fake-io.js";

const GOOD = {
  OPENAI_API_KEY: "sk-hush",
  TWILIO_ACCOUNT_SID: `AC${"0".repeat(32)}`,
  TWILIO_AUTH_TOKEN: "hush-token",
  PUBLIC_URL: "https://relay.example.com",
};

describe("config print", () => {
  it("marks what differs from the default, and what has a fault", () => {
    const io = new FakeIo({ ...GOOD, MAX_CALLS: "7", PORT: "many" });
    expect(printConfig(io)).toBe(2);
    expect(io.text).toMatch(/^\* MAX_CALLS +7$/m);
    expect(io.text).toMatch(/^ {2}DRAIN_SECONDS /m);
    expect(io.text).toMatch(/^! PORT +\(invalid\)$/m);
    expect(io.errors).toEqual([expect.stringMatching(/^PORT is not a whole number/)]);
  });

  it("is content with good settings, and prints no secret", () => {
    const io = new FakeIo(GOOD);
    expect(printConfig(io)).toBe(0);
    expect(io.text).not.toContain("hush");
  });

  it("prints the same as JSON, with what is suspicious about the settings file", () => {
    const io = Object.assign(new FakeIo(GOOD), { notices: ["MAX_CALS is unknown"] });
    expect(printConfig(io, { json: true })).toBe(0);
    const { settings, faults, notices } = JSON.parse(io.text);
    expect([faults, notices]).toEqual([[], ["MAX_CALS is unknown"]]);
    expect(settings).toContainEqual(expect.objectContaining({ name: "PORT", isDefault: true }));
  });
});

describe("config schema", () => {
  it("prints one JSON document", () => {
    const io = new FakeIo();
    expect(printSchema(io, undefined)).toBe(0);
    expect(JSON.parse(io.text)).toHaveProperty("properties.agents");
  });

  it.each([
    ["agents", "properties.agents"],
    ["conversations", "properties.conversations"],
    ["output", "$defs.doctor"],
  ])("prints that of %s", (name, property) => {
    const io = new FakeIo();
    expect(printSchema(io, name)).toBe(0);
    expect(JSON.parse(io.text)).toHaveProperty(property);
  });

  it("knows no other, and suggests one", () => {
    const io = new FakeIo();
    expect(printSchema(io, "conversation")).toBe(2);
    expect(io.errors.join()).toContain("did you mean conversations?");
  });
});
