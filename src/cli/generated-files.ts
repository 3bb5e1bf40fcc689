/**
 * Files of the repository that are generated from the sources. `npm run generate` writes them, and a
 * test checks that they are up to date.
 */

import { settingEntries } from "../config/load.js";
import type { Setting, SettingGroup } from "../config/setting.js";
import { METRIC_PREFIX, type MetricDefinition } from "../domain/metric-definition.js";
import { METRICS } from "../domain/metric-table.js";
import { commandsPage } from "./commands-page.js";
import { createProgram } from "./program.js";
import { schemaText } from "./schema-text.js";

export interface GeneratedFile {
  /** Relative to the repository. */
  readonly path: string;
  readonly text: string;
}

export function generatedFiles(): readonly GeneratedFile[] {
  return [
    { path: "agents.schema.json", text: schemaText("agents") },
    { path: "conversations.schema.json", text: schemaText("conversations") },
    { path: "output.schema.json", text: schemaText("output") },
    { path: ".env.example", text: envExample() },
    { path: "docs/commands.md", text: commandsPage(program()) },
    { path: "docs/config.md", text: configPage() },
    { path: "docs/metrics.md", text: metricsPage() },
  ];
}

/** The commands; none of them is run. */
function program() {
  const ignore = () => undefined;
  return createProgram({ out: ignore, err: ignore, env: {}, onSignal: ignore }, [], ignore);
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

/** NODE_NAME's default depends on the machine, and the generated files must not. */
function defaultText(setting: Setting<unknown>): string | null {
  return setting.name === "NODE_NAME" ? null : setting.default;
}

function envExample(): string {
  const lines = [
    "# Copy to .env and fill in what has no default. The environment wins over this file.",
    "# All settings: docs/config.md. Settings in force: npx murelay config print",
  ];
  for (const [group, settings] of byGroup()) {
    lines.push("", `# --- ${group} ---`);
    for (const setting of settings) {
      lines.push("", ...wrap(`${setting.doc} (${setting.range})`, 98).map((line) => `# ${line}`));
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
    "The relay reads its settings once, at start, from the environment and from the file `.env` in the current folder.",
    "The environment wins. If any setting has a fault, the relay names all faults at once and does not start.",
    "`npx murelay config print` shows the settings in force, with secrets redacted.",
    "",
    "Secrets (marked *) may come from a file: `OPENAI_API_KEY_FILE=/run/secrets/openai` replaces `OPENAI_API_KEY`.",
    "An empty value counts as not set. A name in `.env` that looks like a mistyped setting is pointed out.",
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
    "## Rules that involve two settings",
    "",
    "- `TWILIO_VALIDATE=false` is refused unless `HOST` is loopback: anyone on the network could place calls.",
    "- `ADMIN_TOKEN` is required, with at least 16 characters, when `ADMIN_HOST` is not loopback.",
    "- `OPERATORS_FILE` may take the place of `ADMIN_TOKEN` there. Without `ADMIN_TOKEN` it must name an operator.",
    "- `TWILIO_API_KEY` and `TWILIO_API_SECRET` must be set together.",
    "- `UPLINK_IDLE_PTIME_MS` must not be below `UPLINK_PTIME_MS`.",
    "- `PORT` and `ADMIN_PORT` must differ on the same host. With several workers, `ADMIN_PORT` must not be one of",
    "  `PORT`+1 … `PORT`+`WORKERS`, where the workers listen.",
    "- With several workers, `DATABASE_URL` must not be a SQLite database in memory.",
  );
  return `${lines.join("\n")}\n`;
}

function metricsPage(): string {
  const lines = [
    "# Metrics",
    "",
    "`GET /metrics` on the operator listener returns these in Prometheus text format. Units are base units, and the names",
    "of counters end in `_total`. Every series also has the label `worker`. No label contains an id, a number or anything",
    "that a caller said.",
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
    "Counts are kept in typed arrays: counting one frame takes about 10 ns and allocates nothing. A scrape turns them",
    "into text in about 0.5 ms. A metric keeps at most 256 series; further label values share one series `other`.",
    "",
    "The process metrics of prom-client (`process_*`, `nodejs_*`) are included, except those that list all open handles:",
    "with 400 calls, collecting them stopped all calls for milliseconds. The lag of the event loop is",
    "`murelay_event_loop_lag_seconds`. `npm run bench -- --scrape` measures how a scrape affects calls.",
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
