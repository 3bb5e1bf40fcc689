import { describe, expect, it } from "vitest";
import { serve } from "../../src/cli/serve.js";
import { FakeIo } from "../fakes/fake-io.js";

describe("serve", () => {
  it("prints the settings and starts nothing with --print-config", async () => {
    const io = new FakeIo({ PUBLIC_URL: "https://relay.example.com", OPENAI_API_KEY: "sk-hush" });
    // The faults of the other settings are told, too.
    expect(await serve(io, { printConfig: true })).toBe(2);
    expect(io.text).toMatch(/^\* PUBLIC_URL +https:\/\/relay\.example\.com$/m);
    expect(io.text).not.toContain("hush");
    expect(io.errors.join()).toContain("TWILIO_ACCOUNT_SID");
  });

  it("starts nothing while a setting has a fault: all faults are named", async () => {
    const io = new FakeIo({ PORT: "many" });
    expect(await serve(io, {})).toBe(2);
    for (const name of ["PORT", "OPENAI_API_KEY", "PUBLIC_URL"])
      expect(io.errors.join("\n")).toContain(name);
    expect(io.lines).toEqual([]);
  });
});
