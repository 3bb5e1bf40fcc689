import { describe, expect, it } from "vitest";
import { z } from "zod";
import { defaulted, optional, required } from "../../src/config/setting.js";

const ROW = { name: "PORT", group: "Listeners", schema: z.string(), range: "", doc: "" } as const;

describe("a setting", () => {
  it("with a default is not required, and its example is the default unless it says another", () => {
    expect(defaulted("8080", ROW)).toMatchObject({
      default: "8080",
      example: "8080",
      required: false,
      secret: false,
      alias: null,
    });
    expect(defaulted("8080", { ...ROW, example: "80" })).toMatchObject({
      default: "8080",
      example: "80",
    });
  });

  it("that is required has no default", () => {
    expect(required({ ...ROW, example: "sk-…", secret: true })).toMatchObject({
      default: null,
      required: true,
      secret: true,
    });
  });

  it("that is optional has no default either, and may be absent", () => {
    expect(optional({ ...ROW, example: "x", alias: "port" })).toMatchObject({
      default: null,
      required: false,
      alias: "port",
    });
  });
});
