/**
 * The Helm chart, rendered for several sets of values. Manifests are checked by the compiler against
 * the types that are generated from Kubernetes' own API description: an unknown or a missing field
 * is an error there.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadConfig } from "../../src/config/load.js";
import { HAPROXY, missingHaproxy } from "../fakes/haproxy.js";
import { HelmChart, type Manifest, missingHelm } from "../fakes/helm-chart.js";

const VALUES = {
  image: { repository: "registry.example.com/murelay" },
  relay: { publicUrl: "https://relay.example.com" },
  agents: { file: readFileSync("agents.yaml", "utf8") },
  secrets: { existingSecret: "phone-secrets" },
};
const SECRETS = {
  OPENAI_API_KEY: "sk-x",
  TWILIO_ACCOUNT_SID: `AC${"1".repeat(32)}`,
  TWILIO_AUTH_TOKEN: "0123456789abcdef0123456789abcdef",
  DATABASE_URL: "postgres://murelay@db.example.com/murelay",
  ADMIN_TOKEN: "0123456789abcdef0123456789abcdef",
};

/** Every switch of the chart is on in one of them. */
const CASES: Readonly<Record<string, object>> = {
  "the defaults": VALUES,
  "an HPA and TLS": {
    ...VALUES,
    autoscaling: { kind: "hpa" },
    router: { tlsSecret: "relay-tls", service: { annotations: { a: "b" } } },
  },
  "KEDA and the Prometheus operator": {
    ...VALUES,
    autoscaling: { kind: "keda" },
    monitoring: { enabled: true, dashboards: true, labels: { release: "prometheus" } },
  },
  "own secrets, placement and more": {
    ...VALUES,
    imagePullSecrets: [{ name: "registry" }],
    replicas: 3,
    relay: {
      ...VALUES.relay,
      workers: 4,
      env: { LOG_LEVEL: "warn" },
      nodeSelector: { pool: "calls" },
      tolerations: [{ key: "calls", operator: "Exists", effect: "NoSchedule" }],
      podAnnotations: { team: "voice" },
      storage: { size: "20Gi", storageClassName: "ssd" },
    },
    agents: { existingConfigMap: "own-agents" },
    secrets: { existingSecret: "", values: SECRETS },
    networkPolicy: {
      extraEgress: [{ to: [{ ipBlock: { cidr: "10.9.0.0/16" } }], ports: [{ port: 8443 }] }],
    },
  },
};

/** Where `kubernetes-types` describes a kind; the operators' own kinds are described here. */
const TYPES: Readonly<Record<string, string>> = {
  "v1 ConfigMap": "kubernetes-types/core/v1",
  "v1 Secret": "kubernetes-types/core/v1",
  "v1 Service": "kubernetes-types/core/v1",
  "v1 ServiceAccount": "kubernetes-types/core/v1",
  "apps/v1 StatefulSet": "kubernetes-types/apps/v1",
  "apps/v1 Deployment": "kubernetes-types/apps/v1",
  "policy/v1 PodDisruptionBudget": "kubernetes-types/policy/v1",
  "networking.k8s.io/v1 NetworkPolicy": "kubernetes-types/networking/v1",
  "autoscaling/v2 HorizontalPodAutoscaler": "kubernetes-types/autoscaling/v2",
  "keda.sh/v1alpha1 ScaledObject": "./operators",
  "monitoring.coreos.com/v1 ServiceMonitor": "./operators",
  "monitoring.coreos.com/v1 PrometheusRule": "./operators",
};

/** The fields that the chart uses, from the operators' references. promtool checks the rules. */
const OPERATORS = `
import type { HorizontalPodAutoscalerBehavior } from "kubernetes-types/autoscaling/v2";
import type { LabelSelector, ObjectMeta } from "kubernetes-types/meta/v1";
export interface ScaledObject {
  apiVersion: "keda.sh/v1alpha1"; kind: "ScaledObject"; metadata: ObjectMeta;
  spec: {
    scaleTargetRef: { apiVersion?: string; kind?: string; name: string };
    minReplicaCount?: number; maxReplicaCount?: number; pollingInterval?: number;
    fallback?: { failureThreshold: number; replicas: number };
    advanced?: { horizontalPodAutoscalerConfig?: { behavior?: HorizontalPodAutoscalerBehavior } };
    triggers: {
      type: "prometheus"; metricType?: "AverageValue" | "Value";
      metadata: { serverAddress: string; query: string; threshold: string };
    }[];
  };
}
export interface ServiceMonitor {
  apiVersion: "monitoring.coreos.com/v1"; kind: "ServiceMonitor"; metadata: ObjectMeta;
  spec: {
    jobLabel?: string; selector: LabelSelector;
    endpoints: {
      port?: string; path?: string; interval?: string;
      relabelings?: { sourceLabels?: string[]; targetLabel?: string }[];
    }[];
  };
}
export interface PrometheusRule {
  apiVersion: "monitoring.coreos.com/v1"; kind: "PrometheusRule"; metadata: ObjectMeta;
  spec: {
    groups: {
      name: string; interval?: string;
      rules: {
        record?: string; alert?: string; expr: string; for?: string; keep_firing_for?: string;
        labels?: Record<string, string>; annotations?: Record<string, string>;
      }[];
    }[];
  };
}`;

const missing = missingHelm();
if (missing !== null) console.log(`The Helm chart is not rendered: ${missing}`);

describe.skipIf(missing !== null)("the Helm chart", () => {
  const folder = mkdtempSync(join(tmpdir(), "murelay-helm-"));
  let chart: HelmChart;
  beforeAll(() => {
    chart = new HelmChart(folder);
  }, 120_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const of = (kind: string, values: object = VALUES, name = ""): Manifest => {
    const found = chart
      .manifests(values)
      .find((one) => one.kind === kind && one.metadata.name.endsWith(name));
    if (found === undefined) throw new Error(`no ${kind} ${name}`);
    return found;
  };
  const relayOf = (values: object = VALUES) => of("StatefulSet", values)["spec"].template.spec;
  /** The environment of the relay's container, the secrets included. */
  const environmentOf = (values: object): Record<string, string> => {
    const env: { name: string; value?: string }[] = relayOf(values).containers[0].env;
    return {
      ...SECRETS,
      ...Object.fromEntries(env.map(({ name, value }) => [name, value ?? "phone-murelay-0"])),
    };
  };

  it("renders manifests that Kubernetes and its operators know, field by field", () => {
    const lines: string[] = [];
    for (const [name, values] of Object.entries(CASES))
      for (const manifest of chart.manifests(values)) {
        const from = TYPES[`${manifest.apiVersion} ${manifest.kind}`];
        expect(from, `${manifest.apiVersion} ${manifest.kind}`).toBeDefined();
        const type = `import("${from}").${manifest.kind}`;
        lines.push(`// ${name}`, `export const m${lines.length}: ${type} =`);
        lines.push(`${JSON.stringify(manifest, null, 1)};`);
      }
    expect(compile(folder, lines.join("\n"))).toBe("");
    // The check can fail: a field that does not exist, one of the wrong type, one that is missing.
    const wrong = (spec: string): string =>
      compile(folder, `export const a: import("kubernetes-types/apps/v1").StatefulSet = ${spec};`);
    expect(wrong("{ spec: { replica: 2 } }")).toMatch(/TS2\d+.*replica/);
    expect(wrong('{ apiVersion: "apps/v2" }')).toContain("TS2322");
  }, 120_000);

  it("selects the pods that it makes, and gives each name once", () => {
    for (const values of Object.values(CASES)) {
      const manifests = chart.manifests(values);
      const names = manifests.map(({ kind, metadata }) => `${kind} ${metadata.name}`);
      expect(new Set(names).size).toBe(names.length);
      const pods = manifests.flatMap((one) => one["spec"]?.template?.metadata?.labels ?? []);
      expect(pods).toHaveLength(2);
      const selectors = manifests.flatMap(({ kind, spec }) => {
        if (kind === "Service") return [spec.selector];
        if (kind === "NetworkPolicy") return [spec.podSelector.matchLabels];
        return spec?.selector === undefined || kind === "ServiceMonitor"
          ? []
          : [spec.selector.matchLabels];
      });
      expect(selectors.length).toBeGreaterThanOrEqual(8);
      for (const selector of selectors)
        expect(pods.filter((labels) => matches(selector, labels))).toHaveLength(1);
    }
    const { selector } = of("ServiceMonitor", CASES["KEDA and the Prometheus operator"])["spec"];
    const services = chart.manifests(VALUES).filter(({ kind }) => kind === "Service");
    expect(
      services.filter(({ metadata }) => matches(selector.matchLabels, metadata.labels)),
    ).toEqual([
      expect.objectContaining({
        metadata: expect.objectContaining({ name: "phone-murelay-nodes" }),
      }),
    ]);
  });

  it.each(Object.keys(CASES))("gives the relay settings that it starts with: %s", (name) => {
    const config = loadConfig(environmentOf(CASES[name]!));
    expect(config).toMatchObject({ drainSeconds: 3_300, drainDelaySeconds: 8 });
  });

  it("lets the longest call end before a node is stopped", () => {
    const values = { ...VALUES, relay: { ...VALUES.relay, maxCallMinutes: 90 } };
    const pod = relayOf(values);
    const env = environmentOf(values);
    expect([env["MAX_CALL_MINUTES"], env["DRAIN_SECONDS"]]).toEqual(["90", "5400"]);
    expect(pod.terminationGracePeriodSeconds).toBeGreaterThanOrEqual(90 * 60 + 8 + 15);
    expect(pod.containers[0].lifecycle.preStop.exec.command).toEqual([
      "node",
      "dist/cli.js",
      "drain",
      "--wait",
    ]);
    const router = of("Deployment", values)["spec"].template.spec;
    expect(router.terminationGracePeriodSeconds).toBeGreaterThanOrEqual(90 * 60);
  });

  it("runs both programs without root, without rights and on a read-only root", () => {
    for (const kind of ["StatefulSet", "Deployment"]) {
      const pod = of(kind)["spec"].template.spec;
      expect(pod.automountServiceAccountToken).toBe(false);
      expect(pod.securityContext.runAsUser).toBeGreaterThan(0);
      expect(pod.securityContext.seccompProfile.type).toBe("RuntimeDefault");
      for (const container of pod.containers)
        expect(container.securityContext).toEqual({
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          runAsNonRoot: true,
          capabilities: { drop: ["ALL"] },
        });
    }
  });

  it("routes each stream to the node and worker that its address names", () => {
    const values = CASES["own secrets, placement and more"]!;
    const config: string = of("ConfigMap", values, "-router")["data"]["haproxy.cfg"];
    const { MEDIA_URL = "", NODE_NAME = "" } = environmentOf(values);
    for (const [node, worker] of [
      [0, 0],
      [2, 3],
    ] as const) {
      const name = NODE_NAME.replace(/0$/, String(node));
      const url = MEDIA_URL.replace("{node}", name).replace("{worker}", String(worker));
      const path = new URL(url).pathname;
      const server = `${name}-${worker}`;
      expect(config).toContain(`use-server ${server} if { path ${path} ${path}/ }`);
      const address = `${name}.phone-murelay-nodes.calls.svc.cluster.local:${8081 + worker}`;
      expect(config).toContain(`server ${server} ${address} check\n`);
    }
    expect(config.match(/use-server/g)).toHaveLength(3 * 4);
    // As many nodes as there may be one day.
    const scaled: string = of("ConfigMap", CASES["an HPA and TLS"], "-router")["data"][
      "haproxy.cfg"
    ];
    expect(scaled.match(/use-server/g)).toHaveLength(6 * 2);
  });

  it.skipIf(missingHaproxy() !== null)("has a router configuration that HAProxy accepts", () => {
    const made = spawnSync("openssl", [
      ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"],
      ...["-days", "2", "-subj", "/CN=relay.test"],
      ...["-keyout", join(folder, "tls.crt.key"), "-out", join(folder, "tls.crt")],
    ]);
    expect(made.status).toBe(0);
    for (const values of [VALUES, CASES["an HPA and TLS"]!]) {
      const config: string = of("ConfigMap", values, "-router")["data"]["haproxy.cfg"];
      const file = join(folder, "haproxy.cfg");
      writeFileSync(file, config.replace("/etc/haproxy/tls/", `${folder}/`));
      const { status, stderr } = spawnSync(HAPROXY, ["-c", "-f", file], { encoding: "utf8" });
      expect([status, stderr]).toEqual([0, ""]);
    }
  });

  it("asks HAProxy the same as the configuration that is tested with calls", () => {
    const config: string = of("ConfigMap", VALUES, "-router")["data"]["haproxy.cfg"];
    const shipped = readFileSync("deploy/haproxy.cfg", "utf8");
    const rules = shipped
      .split("\n")
      .map((line) => line.trim())
      .filter((line) => /^(balance|http-|option|retr|timeout|use_backend|default_b)/.test(line))
      .map((line) => line.replace("Host relay.example.com", "Host localhost"));
    expect(rules.length).toBeGreaterThan(20);
    expect(rules.filter((line) => !config.includes(line))).toEqual([]);
  });

  it("scales by the calls of nodes that do not drain", () => {
    const keda = of("ScaledObject", CASES["KEDA and the Prometheus operator"])["spec"];
    expect(keda.triggers[0].metricType).toBe("Value");
    const query: string = keda.triggers[0].metadata.query;
    expect(query).toContain('murelay_calls_active{namespace="calls"} unless');
    const hpa = of("HorizontalPodAutoscaler", CASES["an HPA and TLS"])["spec"];
    expect(hpa.metrics[0].external.target).toEqual({ type: "Value", value: "600m" });
    for (const values of [CASES["an HPA and TLS"]!, CASES["KEDA and the Prometheus operator"]!])
      expect(of("StatefulSet", values)["spec"].replicas).toBeUndefined();
  });

  it("ships the alerts, recording rules and dashboards of the repository", () => {
    const values = CASES["KEDA and the Prometheus operator"]!;
    for (const name of ["alerts", "recording-rules"]) {
      const rule = of("PrometheusRule", values, name === "alerts" ? "-alerts" : "-recording");
      const file = join(folder, `${name}.json`);
      writeFileSync(file, JSON.stringify(rule["spec"]));
      const promtool = spawnSync("promtool", ["check", "rules", file], { encoding: "utf8" });
      if (promtool.error === undefined) expect(promtool.status).toBe(0);
      expect(rule["spec"].groups.length).toBeGreaterThan(0);
    }
    const dashboards = chart
      .manifests(values)
      .filter(({ metadata }) => metadata.labels["grafana_dashboard"] === "1");
    expect(dashboards.map(({ data }) => Object.keys(data)[0]).sort()).toEqual([
      "murelay-agent.json",
      "murelay-node.json",
      "murelay-overview.json",
    ]);
    for (const { data } of dashboards) JSON.parse(Object.values<string>(data)[0]!);
  });

  it("keeps secrets out of everything but the Secret", () => {
    const values = CASES["own secrets, placement and more"]!;
    for (const manifest of chart.manifests(values))
      expect(JSON.stringify(manifest).includes(SECRETS.TWILIO_AUTH_TOKEN)).toBe(
        manifest.kind === "Secret",
      );
    expect(chart.manifests(VALUES).some(({ kind }) => kind === "Secret")).toBe(false);
  });

  it.each([
    ["image", {}, "set image.repository"],
    ["relay", {}, "set relay.publicUrl"],
    ["agents", {}, "set agents.file"],
    ["secrets", {}, "set secrets.existingSecret, or secrets.values.OPENAI_API_KEY"],
    ["autoscaling", { kind: "vpa" }, "autoscaling.kind is none, hpa or keda"],
  ])("says what is wrong with %s: %j", (part, value, message) => {
    expect(() => chart.manifests({ ...VALUES, [part]: value })).toThrow(message);
  });
});

function matches(selector: object, labels: object): boolean {
  const given = new Map(Object.entries(labels));
  return Object.entries(selector).every(([name, value]) => given.get(name) === value);
}

/** What the compiler says about a module beside `operators.ts`; empty: nothing. */
function compile(folder: string, text: string): string {
  const modules = join(folder, "node_modules");
  rmSync(modules, { force: true });
  symlinkSync(resolve("node_modules"), modules);
  writeFileSync(join(folder, "operators.ts"), OPERATORS);
  writeFileSync(join(folder, "manifests.ts"), text);
  const flags = ["--noEmit", "--strict", "--skipLibCheck", "--types", "", "--module", "preserve"];
  const { stdout } = spawnSync(
    process.execPath,
    [resolve("node_modules/typescript/bin/tsc"), ...flags, join(folder, "manifests.ts")],
    { encoding: "utf8", cwd: folder },
  );
  return stdout.trim();
}
