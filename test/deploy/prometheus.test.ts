import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { METRIC_PREFIX } from "../../src/domain/metric-definition.js";
import { METRICS } from "../../src/domain/metric-table.js";

const FOLDER = fileURLToPath(new URL("../../deploy/prometheus/", import.meta.url));

const TESTS = ["tests/alerts.test.yaml", "tests/alerts-over-hours.test.yaml"];
const RECORDING_TESTS = "tests/two-nodes.test.yaml";
const METRIC_NAMES = Object.values(METRICS).map(({ name }) => METRIC_PREFIX + name);

interface RuleFile {
  readonly groups: readonly {
    readonly rules: readonly { alert?: string; record?: string; expr: string }[];
  }[];
}

interface RuleTests {
  readonly tests: readonly {
    readonly alert_rule_test: readonly {
      readonly alertname: string;
      readonly exp_alerts: readonly unknown[];
    }[];
  }[];
}

const rules = (file: string) =>
  (parse(readFileSync(`${FOLDER}${file}`, "utf8")) as RuleFile).groups.flatMap(
    (group) => group.rules,
  );
const promtool = (...args: string[]) =>
  execFileSync("promtool", args, { cwd: FOLDER, encoding: "utf8", stdio: "pipe" });

describe("the Prometheus rules", () => {
  const all = [...rules("alerts.yaml"), ...rules("recording-rules.yaml")];
  const alerts = rules("alerts.yaml").map((rule) => rule.alert!);

  it("are a configuration that Prometheus loads", () => {
    expect(promtool("check", "config", "prometheus.yaml")).toContain("SUCCESS");
  });

  it("fire on the data they are for, and stay quiet otherwise", { timeout: 120_000 }, () => {
    expect(promtool("test", "rules", ...TESTS, RECORDING_TESTS)).toContain("SUCCESS");
  });

  it("use only metrics that the relay has, and records that are defined", () => {
    const known = new Set([
      ...METRIC_NAMES,
      ...METRIC_NAMES.flatMap((name) => ["_bucket", "_count", "_sum"].map((end) => name + end)),
    ]);
    const records = new Set(rules("recording-rules.yaml").map((rule) => rule.record));
    const used = all.flatMap(({ expr }) => expr.match(/\b(?:\w+:)?murelay_\w+(?::\w+)*/g) ?? []);
    const unknown = used.filter((name) => !(name.includes(":") ? records : known).has(name));
    expect([...new Set(unknown)]).toEqual([]);
  });

  it("are each tested both ways", () => {
    const tests = TESTS.flatMap((file) => {
      const parsed: RuleTests = parse(readFileSync(FOLDER + file, "utf8"));
      return parsed.tests;
    });
    for (const alert of alerts) {
      const expected = tests
        .flatMap((test) => test.alert_rule_test)
        .filter((test) => test.alertname === alert)
        .map((test) => test.exp_alerts.length);
      expect([alert, ...expected]).toEqual([alert, 1, 0]);
    }
  });

  it("have a section of the runbook each, and the runbook no other", () => {
    const runbook = readFileSync(new URL("../../docs/runbook.md", import.meta.url), "utf8");
    const sections = [...runbook.matchAll(/^## (\w+)$/gm)].map((match) => match[1]);
    expect(sections).toEqual(alerts);
  });
});
