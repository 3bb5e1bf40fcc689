import { describe, expect, it } from "vitest";
import { combinationFaults } from "../../src/config/combinations.js";
import { type Environment, readSettings } from "../../src/config/load.js";

const faultOf = (env: Environment) =>
  combinationFaults(readSettings(env).values).map(({ name }) => name);

describe("settings that belong together", () => {
  it.each([
    ["unchecked signatures on a public host", { TWILIO_VALIDATE: "false" }, ["TWILIO_VALIDATE"]],
    ["unchecked signatures on loopback", { TWILIO_VALIDATE: "false", HOST: "127.0.0.1" }, []],
    ["a public operator listener without a token", { ADMIN_HOST: "0.0.0.0" }, ["ADMIN_TOKEN"]],
    [
      "a public operator listener with a token",
      { ADMIN_HOST: "0.0.0.0", ADMIN_TOKEN: "a-token-of-16-ch" },
      [],
    ],
    [
      "a public operator listener with a short token",
      { ADMIN_HOST: "0.0.0.0", ADMIN_TOKEN: "fifteen-letters" },
      ["ADMIN_TOKEN"],
    ],
    ["a short token on loopback", { ADMIN_TOKEN: "t0ken" }, []],
    ["a port too high for its workers", { WORKERS: "4", PORT: "65532" }, ["PORT"]],
    [
      "workers without a common database",
      { WORKERS: "2", DATABASE_URL: "sqlite::memory:" },
      ["DATABASE_URL"],
    ],
    ["an API key alone", { TWILIO_API_KEY: "SK1" }, ["TWILIO_API_SECRET"]],
    ["an API secret alone", { TWILIO_API_SECRET: "s" }, ["TWILIO_API_KEY"]],
    ["both", { TWILIO_API_KEY: "SK1", TWILIO_API_SECRET: "s" }, []],
    [
      "idle joining shorter than ptime",
      { UPLINK_PTIME_MS: "60", UPLINK_IDLE_PTIME_MS: "40" },
      ["UPLINK_IDLE_PTIME_MS"],
    ],
    ["one port twice", { HOST: "127.0.0.1", PORT: "9464" }, ["ADMIN_PORT"]],
    ["a worker's own port", { WORKERS: "2", PORT: "9462" }, ["ADMIN_PORT"]],
    ["the port after the last worker's", { WORKERS: "2", PORT: "9461" }, []],
    ["free ports on one host", { HOST: "127.0.0.1", PORT: "0", ADMIN_PORT: "0" }, []],
  ])("judges %s", (_name, env, names) => expect(faultOf(env)).toEqual(names));

  it("are not judged where one of them has a fault of its own", () => {
    expect(faultOf({ ADMIN_HOST: "0.0.0.0", ADMIN_TOKEN: "a b" })).toEqual([]);
    expect(faultOf({ WORKERS: "many", PORT: "9462" })).toEqual([]);
  });

  it("never show a token", () => {
    const faults = combinationFaults(
      readSettings({ ADMIN_HOST: "0.0.0.0", ADMIN_TOKEN: "hush" }).values,
    );
    expect(JSON.stringify(faults)).not.toContain("hush");
  });
});
