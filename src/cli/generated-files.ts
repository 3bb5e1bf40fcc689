/**
 * Files of the repository that are made from the sources. `node scripts/generate.mjs` writes them, a test holds them
 * up to date.
 */

import { agentsJsonSchema } from "../config/agents/schema.js";
import { settingEntries } from "../config/load.js";
import type { Setting, SettingGroup } from "../config/setting.js";
import { METRIC_PREFIX, type MetricDefinition } from "../domain/metric-definition.js";
import { METRICS } from "../domain/metric-table.js";

export interface GeneratedFile {
  /** Relative to the repository. */
  readonly path: string;
  readonly text: string;
}

export function generatedFiles(): readonly GeneratedFile[] {
  return [
    { path: "agents.schema.json", text: schemaText() },
    { path: ".env.example", text: envExample() },
    { path: "docs/config.md", text: configPage() },
    { path: "docs/metrics.md", text: metricsPage() },
  ];
}

/** The JSON Schema of the agents file, as printed and shipped. */
export function schemaText(): string {
  return `${JSON.stringify(agentsJsonSchema(), null, 2)}\n`;
}

function byGroup(): ReadonlyMap<SettingGroup, readonly Setting<unknown>[]> {
  const groups = new Map<SettingGroup, Setting<unknown>[]>();
  for (const [, setting] of settingEntries()) {
    const group = groups.get(setting.group);
    if (group === undefined) groups.set(setting.group, [setting]);
    else group.push(setting);
  }
  return groups;
}

/** NODE_NAME's default differs from machine to machine: what is written must not. */
function defaultText(setting: Setting<unknown>): string | null {
  return setting.name === "NODE_NAME" ? null : setting.default;
}

function envExample(): string {
  const lines = [
    "# Copy to .env and fill in what has no default. The environment wins over this file.",
    "# All settings: docs/config.md. What is in force: npx murelay config print",
  ];
  for (const [group, settings] of byGroup()) {
    lines.push("", `# --- ${group} ---`);
    for (const setting of settings) {
      lines.push("", ...wrap(`${setting.doc} (${setting.range})`, 110).map((line) => `# ${line}`));
      if (setting.required) lines.push(`${setting.name}=`);
      else lines.push(`# ${setting.name}=${defaultText(setting) ?? ""}`);
    }
  }
  return `${lines.join("\n")}\n`;
}

function configPage(): string {
  const lines = [
    "# Settings",
    "",
    "Read once at start, from the environment and from `.env` beside it (the environment wins). Every fault is named",
    "at once and nothing is started. `npx murelay config print` shows what is in force, secrets redacted. Secrets",
    "(marked *) may come from a file instead: `OPENAI_API_KEY_FILE=/run/secrets/openai` in place of `OPENAI_API_KEY`.",
    "An empty value counts as unset.",
  ];
  for (const [group, settings] of byGroup()) {
    lines.push(
      "",
      `## ${group}`,
      "",
      "| name | default | allowed | meaning |",
      "|---|---|---|---|",
    );
    for (const setting of settings) {
      const fallback = setting.required ? "required" : (defaultText(setting) ?? "none");
      const name = `\`${setting.name}\`${setting.secret ? " *" : ""}`;
      lines.push(`| ${name} | ${fallback} | ${cell(setting.range)} | ${cell(setting.doc)} |`);
    }
  }
  lines.push(
    "",
    "## Rules that take two settings",
    "",
    "- `TWILIO_VALIDATE=false` is refused unless `HOST` is loopback: anybody could place calls otherwise.",
    "- `ADMIN_TOKEN` is required when `ADMIN_HOST` is not loopback.",
    "- `TWILIO_API_KEY` and `TWILIO_API_SECRET` go together.",
    "- `UPLINK_IDLE_PTIME_MS` is not below `UPLINK_PTIME_MS`.",
    "- `PORT` and `ADMIN_PORT` differ on the same host.",
  );
  return `${lines.join("\n")}\n`;
}

function metricsPage(): string {
  const lines = [
    "# Metrics",
    "",
    "`GET /metrics` on the operator listener, in Prometheus' text format. Base units; counters end in `_total`. Every",
    "series also carries `worker`. No label ever holds an id, a number or anything a caller said.",
    "",
    "| name | kind | labels | what it counts | good for |",
    "|---|---|---|---|---|",
  ];
  for (const metric of Object.values<MetricDefinition>(METRICS)) {
    const labels = metric.labels.map((label) => `\`${label.name}\``).join(", ");
    lines.push(
      `| \`${METRIC_PREFIX}${metric.name}\` | ${metric.kind} | ${labels} | ${cell(metric.help)} | ${cell(metric.note)} |`,
    );
  }
  lines.push("", "## Buckets, in seconds", "", "| name | upper bounds |", "|---|---|");
  for (const metric of Object.values<MetricDefinition>(METRICS)) {
    if (metric.buckets !== undefined)
      lines.push(`| \`${METRIC_PREFIX}${metric.name}\` | ${metric.buckets.join(", ")} |`);
  }
  lines.push(
    "",
    "## How they are counted",
    "",
    "Counts live in typed arrays: one per frame costs some 10 ns and allocates nothing. They become text when they are scraped, in some",
    "0.5 ms. A metric keeps at most 256 series; further label values share one series `other`. prom-client's process metrics (`process_*`,",
    "`nodejs_*`) stand beside ours, but for those that list everything that is open: with 400 calls that stopped all of them for milliseconds. The lag of the event loop is `murelay_event_loop_lag_seconds`.",
    "`npm run bench -- --scrape` shows what a scrape does to the calls.",
  );
  return `${lines.join("\n")}\n`;
}

/** A bar would end the table's cell. */
function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}

function wrap(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = "";
    }
    line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line];
}
