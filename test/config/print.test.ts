import { describe, expect, it } from "vitest";
import {
  type Environment,
  loadConfig,
  readSettings,
  settingEntries,
} from "../../src/config/load.js";
import { configRows } from "../../src/config/print.js";

const REQUIRED = {
  OPENAI_API_KEY: "sk-secret-openai",
  TWILIO_ACCOUNT_SID: "AC00000000000000000000000000000000",
  TWILIO_AUTH_TOKEN: "secret-twilio",
  PUBLIC_URL: "https://relay.example.com",
};
const load = (env: Environment) => loadConfig({ ...REQUIRED, ...env });

describe("configRows", () => {
  it("shows every setting and no secret", () => {
    const secrets: Record<string, string> = {};
    for (const [, setting] of settingEntries()) {
      if (setting.secret && setting.name !== "DATABASE_URL")
        secrets[setting.name] = `hush-${setting.name}`;
    }
    const config = load({
      ...secrets,
      TWILIO_API_KEY: "SK1",
      HTTPS_PROXY: "http://user:hush@proxy.example.com:3128",
      DATABASE_URL: "postgres://user:hush-db@db.example/calls?password=hush-too",
      HUMAN_AGENT_NUMBER: "+15551112222",
    });
    const rows = configRows(config);
    expect(rows.map(({ name }) => name)).toEqual(settingEntries().map(([, { name }]) => name));
    const text = rows.map(({ value }) => value).join("\n");
    expect(text).not.toContain("hush");
    expect(text).not.toContain("5551112");
    expect(rows.find(({ name }) => name === "DATABASE_URL")?.value).toContain("db.example/calls");
    expect(rows.find(({ name }) => name === "OPENAI_API_KEY")?.value).toBe("(set)");
  });

  it("shows what can be read while other settings have faults", () => {
    const { values, faults } = readSettings({ ...REQUIRED, PORT: "eighty" });
    const rows = configRows(values);
    expect(faults.map(({ name }) => name)).toEqual(["PORT"]);
    expect(rows.find(({ name }) => name === "PORT")?.value).toBeNull();
    expect(rows.find(({ name }) => name === "PUBLIC_URL")?.value).toBe("https://relay.example.com");
  });

  it("marks what is the default", () => {
    const rows = configRows(load({ PORT: "8081" }));
    expect(rows.find(({ name }) => name === "PORT")).toMatchObject({
      value: "8081",
      isDefault: false,
    });
    expect(rows.find(({ name }) => name === "MAX_CALLS")).toMatchObject({
      value: "500",
      isDefault: true,
    });
  });
});
