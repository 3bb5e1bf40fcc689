import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { EnvFileError, parseEnvFile, readEnvFile } from "../../src/config/env-file.js";

const bytes = (text: string, encoding: BufferEncoding = "utf8") => Buffer.from(text, encoding);

describe("a settings file", () => {
  it("is read with or without a byte order mark", () => {
    for (const mark of ["", "\ufeff"])
      expect(parseEnvFile(".env", bytes(`${mark}PORT=80\n# x\nLOG_LEVEL="debug"\n`))).toEqual({
        values: { PORT: "80", LOG_LEVEL: "debug" },
        notices: [],
      });
  });

  it.each([
    ["with a mark", bytes("\ufeffPORT=80\n", "utf16le")],
    ["without a mark", bytes("PORT=80\n", "utf16le")],
    ["big-endian", bytes("\ufeffPORT=80\n", "utf16le").swap16()],
  ])("in UTF-16 is named as such: %s", (_name, content) => {
    expect(() => parseEnvFile(".env", content)).toThrow(/\.env is encoded in UTF-16.*UTF-8/);
  });

  it("with a mistyped name is used, and the name is pointed out; other names are the user's own", () => {
    const { values, notices } = parseEnvFile(
      ".env",
      bytes("MAX_CALL=10\nCRM_TOKEN=x\nOPENAI_API_KEY_FILE=/run/key\nhttps_proxy=http://a:1\n"),
    );
    expect(values["MAX_CALL"]).toBe("10");
    expect(notices).toEqual([".env: MAX_CALL is not a setting (did you mean MAX_CALLS?)"]);
  });

  it("in another encoding is named as such: a broken letter would otherwise reach the agent", () => {
    expect(() => parseEnvFile(".env", bytes("AGENTS_FILE=caf\u00e9.yaml\n", "latin1"))).toThrow(
      EnvFileError,
    );
    expect(parseEnvFile(".env", bytes("AGENTS_FILE=caf\u00e9.yaml\r\nPORT=80\r\n")).values).toEqual(
      {
        AGENTS_FILE: "caf\u00e9.yaml",
        PORT: "80",
      },
    );
  });

  it("with lines that set nothing, or set again, says which", () => {
    const text =
      "PORT=1\nMAX_CALLS 10\n# HOST\nexport HOST=::1\nPORT=2\nLOG_LEVEL: info\nPREWARM\n";
    expect(parseEnvFile(".env", bytes(text))).toEqual({
      values: { PORT: "2", HOST: "::1", LOG_LEVEL: "info" },
      notices: [
        ".env:2: write MAX_CALLS=\u2026; this line is ignored",
        ".env:5: PORT is set again; line 1 is ignored",
        ".env:7: write PREWARM=\u2026; this line is ignored",
      ],
    });
  });

  it("that cannot be read is a fault that names it", () => {
    const folder = mkdtempSync(join(tmpdir(), "murelay-env-"));
    expect(() => readEnvFile(folder)).toThrow(/cannot be read/);
    expect(() => readEnvFile(join(folder, "none"))).toThrow(/none cannot be read/);
    writeFileSync(join(folder, "a.env"), "PORT=1");
    expect(readEnvFile(join(folder, "a.env")).values).toEqual({ PORT: "1" });
    rmSync(folder, { recursive: true });
  });
});
