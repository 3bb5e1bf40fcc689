import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { freePorts } from "./relay-node.js";
import { removeFolder } from "./remove-folder.js";

const RULES = fileURLToPath(new URL("../../deploy/prometheus/", import.meta.url));
const START_MS = 30_000;

/** False: it is not installed. */
export const hasPrometheus = spawnSync("prometheus", ["--version"]).error === undefined;

export interface Series {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Alert {
  readonly name: string;
  readonly state: "pending" | "firing";
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

/** A real Prometheus with the shipped rules, for one test. */
export interface Prometheus {
  /** @throws Error with Prometheus' own text when the expression cannot be evaluated. */
  query(expression: string): Promise<readonly Series[]>;
  alerts(): Promise<readonly Alert[]>;
  /** Rules that failed at their last evaluation, with the error. */
  faults(): Promise<readonly string[]>;
  /** Ends it and removes its data. */
  close(): Promise<void>;
}

export async function startPrometheus(options: {
  /** `host:port` of operator listeners. */
  readonly targets: readonly string[];
  /** How often it scrapes and evaluates, as Prometheus writes it. Default: each second. */
  readonly every?: string;
  /** Changes the text of the alerts, for a test that cannot wait for a quarter of an hour. */
  readonly alerts?: (text: string) => string;
}): Promise<Prometheus> {
  const home = mkdtempSync(join(tmpdir(), "murelay-prometheus-"));
  const { every = "1s" } = options;
  const sooner = (text: string) => text.replaceAll("interval: 15s", `interval: ${every}`);
  const alerts = readFileSync(`${RULES}alerts.yaml`, "utf8");
  const records = readFileSync(`${RULES}recording-rules.yaml`, "utf8");
  writeFileSync(join(home, "alerts.yaml"), (options.alerts ?? ((text) => text))(alerts));
  writeFileSync(join(home, "recording-rules.yaml"), sooner(records));
  writeFileSync(
    join(home, "prometheus.yaml"),
    sooner(readFileSync(`${RULES}prometheus.yaml`, "utf8")).replace(
      '"relay:9464"',
      options.targets.map((target) => `"${target}"`).join(", "),
    ),
  );
  const port = await freePorts(1);
  const child = spawn(
    "prometheus",
    [
      `--config.file=${join(home, "prometheus.yaml")}`,
      `--storage.tsdb.path=${join(home, "data")}`,
      `--web.listen-address=127.0.0.1:${port}`,
      "--log.level=warn",
    ],
    { stdio: ["ignore", "ignore", "pipe"] },
  );
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  const exited = once(child, "exit");
  const close = async (): Promise<void> => {
    child.kill("SIGTERM");
    await exited;
    removeFolder(home);
  };
  await untilReady(child, port, () => said);
  return { ...client(port), close };
}

async function untilReady(child: ChildProcess, port: number, said: () => string): Promise<void> {
  for (const end = performance.now() + START_MS; performance.now() < end; ) {
    if (child.exitCode !== null) break;
    const answer = await fetch(`http://127.0.0.1:${port}/-/ready`).catch(() => null);
    if (answer?.ok === true) return;
    await new Promise((done) => setTimeout(done, 100));
  }
  child.kill("SIGKILL");
  throw new Error(`Prometheus did not start:\n${said()}`);
}

function client(port: number): Omit<Prometheus, "close"> {
  const get = async <Data>(path: string): Promise<Data> => {
    const answer = await fetch(`http://127.0.0.1:${port}/api/v1/${path}`);
    const { data, error } = (await answer.json()) as { data: Data; error?: string };
    if (error !== undefined) throw new Error(error);
    return data;
  };
  return {
    query: async (expression) => {
      type Result = { metric: Record<string, string>; value: [number, string] }[];
      const query = new URLSearchParams({ query: expression });
      const { result } = await get<{ result: Result }>(`query?${query}`);
      return result.map(({ metric, value }) => ({ metric, value: Number(value[1]) }));
    },
    alerts: async () => {
      type Raw = Omit<Alert, "name">;
      const { alerts } = await get<{ alerts: Raw[] }>("alerts");
      return alerts.map((alert) => ({ ...alert, name: alert.labels["alertname"] ?? "" }));
    },
    faults: async () => {
      type Rule = { name: string; health: string; lastError?: string };
      const { groups } = await get<{ groups: { rules: Rule[] }[] }>("rules");
      return groups
        .flatMap(({ rules }) => rules)
        .filter(({ health }) => health === "err")
        .map(({ name, lastError }) => `${name}: ${lastError}`);
    },
  };
}
