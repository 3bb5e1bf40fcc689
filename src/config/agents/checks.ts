/**
 * Rules of the agents file that involve several of its values. They check the raw data, so that
 * they find their faults even where the schema finds others. A value of the wrong type is left to
 * the schema.
 */
import type { EnvLookup } from "../../adapters/system/env-files.js";
import { PLACEHOLDERS, placeholdersIn, readPlaceholder } from "../../domain/placeholders.js";
import { CALL_TOOLS } from "../../tools/builtin.js";
import { SAMPLE_TOOL_NAMES } from "../../tools/sample-tools.js";
import { isLoopbackHost } from "../hosts.js";
import { didYouMean } from "../nearest.js";
import { checkDestination, KIND_KEYS, targetsOf } from "./destination-entry.js";
import { parseDialTarget } from "./dial-target.js";
import { isRecord, listOf, type Raw, record, textsOf } from "./raw.js";
import { SOURCES } from "./schema.js";
import type { Path } from "./source-text.js";

/**
 * @param at  "key": the fault is the name's, not the value's. {text}: it is where this text stands in the value.
 */
export type Report = (path: Path, problem: string, at?: "key" | { readonly text: string }) => void;

export function crossCheck(file: unknown, lookup: EnvLookup, report: Report): void {
  const root = record(file);
  const agents = record(root["agents"]);
  const tools = record(root["tools"]);
  const defaults = record(root["defaults"]);
  const sipHosts = textsOf(root["sip_hosts"]);

  if (Object.keys(agents).length === 0 && isRecord(root["agents"]))
    report(["agents"], "contains no agent");
  const hasLookup = record(root["crm"])["caller_lookup"] !== undefined;
  checkPlaceholders(["defaults"], defaults, hasLookup, report);
  if ("defaults" in root) checkAgent(["defaults"], defaults, tools, sipHosts, report);
  for (const [name, raw] of Object.entries(agents)) {
    const path = ["agents", name];
    const agent = record(raw);
    if (!isRecord(raw)) continue;
    if (agent["instructions"] === undefined && defaults["instructions"] === undefined)
      report([...path, "instructions"], "is missing");
    checkAgent(path, agent, tools, sipHosts, report);
    checkListedTools(path, { ...defaults, ...agent }, report);
    checkPlaceholders(path, agent, hasLookup, report);
  }
  const first = Object.keys(agents)[0];
  if (first !== undefined && Object.keys(agents).length > 1 && root["numbers"] === undefined)
    report(
      ["numbers"],
      `is missing: say which of the agents answers, for example numbers: {"*": ${first}}`,
    );
  for (const [number, agent] of Object.entries(record(root["numbers"]))) {
    if (typeof agent === "string" && !Object.hasOwn(agents, agent))
      report(
        ["numbers", number],
        `points at ${quote(agent)}, which is not an agent${didYouMean(agent, Object.keys(agents))}`,
      );
  }
  for (const [name, raw] of Object.entries(tools))
    checkTool(["tools", name], name, record(raw), lookup, report);
  for (const [name, raw] of Object.entries(record(root["crm"]))) {
    const endpoint = record(raw);
    const path = ["crm", name];
    checkUrl([...path, "url"], endpoint, ["from", "to", "callSid"], report);
    checkReferences([...path, "headers"], endpoint["headers"], lookup, report);
  }
}

function checkAgent(
  path: Path,
  agent: Raw,
  tools: Raw,
  sipHosts: readonly string[] | null,
  report: Report,
): void {
  const known = [...CALL_TOOLS, ...SAMPLE_TOOL_NAMES, ...Object.keys(tools)];
  const seen = new Set<string>();
  for (const [i, tool] of (listOf(agent["tools"]) ?? []).entries()) {
    if (typeof tool !== "string") continue;
    const at = [...path, "tools", i];
    if (!known.includes(tool))
      report(
        at,
        `${quote(tool)} is not a tool${didYouMean(tool, known) || ": describe it under tools, at the top level of the file"}`,
      );
    if (seen.has(tool)) report(at, `${quote(tool)} is listed twice`);
    seen.add(tool);
  }
  const transfer = record(agent["transfer"]);
  const destinations = record(transfer["destinations"]);
  const names = Object.keys(destinations);
  const inTransfer = [...path, "transfer"];
  for (const [name, raw] of Object.entries(destinations)) {
    if (!isRecord(raw)) continue;
    const at = [...inTransfer, "destinations", name];
    exactlyOne(at, raw, KIND_KEYS, report);
    checkDestination(raw, (field, problem, where) => report([...at, field], problem, where));
    if (sipHosts !== null) {
      for (const [field, target] of targetsOf(raw)) {
        if (typeof parseDialTarget(target, null) === "string") continue;
        const judged = parseDialTarget(target, new Set(sipHosts.map((host) => host.toLowerCase())));
        if (typeof judged === "string") report([...at, field], judged);
      }
    }
    const { then } = raw;
    if (typeof then !== "string") continue;
    if (!names.includes(then))
      report([...at, "then"], `${quote(then)} is not a destination${didYouMean(then, names)}`);
    else if (leadsTo(destinations, then, name))
      report([...at, "then"], "leads back to itself, so that the failover list never ends");
  }
  const preferred = transfer["default"];
  if (typeof preferred === "string" && !names.includes(preferred))
    report(
      [...inTransfer, "default"],
      `${quote(preferred)} is not a destination${didYouMean(preferred, names)}`,
    );
}

/** Texts of an agent that may hold placeholders, and those of its languages. */
function checkPlaceholders(path: Path, agent: Raw, hasLookup: boolean, report: Report): void {
  const texts: (readonly [Path, unknown])[] = ["instructions", "greeting", "say"].map((key) => [
    [...path, key],
    agent[key],
  ]);
  for (const [language, raw] of Object.entries(record(agent["languages"])))
    texts.push([[...path, "languages", language, "instructions"], record(raw)["instructions"]]);
  for (const [at, text] of texts) {
    if (typeof text !== "string") continue;
    for (const name of placeholdersIn(text)) {
      const placeholder = readPlaceholder(name);
      const where = { text: name };
      if (placeholder === null)
        report(
          at,
          `contains {{${name}}}, which is not a placeholder${didYouMean(name, [...PLACEHOLDERS])}: known are ` +
            `${PLACEHOLDERS.join(", ")}, caller.FIELD`,
          where,
        );
      else if (placeholder.kind === "caller" && !hasLookup)
        report(at, `contains {{${name}}}, which needs crm.caller_lookup`, where);
    }
  }
}

/** Finds a tool that can never work: set_language without languages. */
function checkListedTools(path: Path, agent: Raw, report: Report): void {
  const tools = listOf(agent["tools"]) ?? [];
  const i = tools.indexOf("set_language");
  if (i >= 0 && Object.keys(record(agent["languages"])).length === 0)
    report([...path, "tools", i], "set_language has no languages to choose from: add languages");
}

/** Follows `then` from `from`; true when it reaches `goal`. */
function leadsTo(destinations: Raw, from: string, goal: string): boolean {
  const seen = new Set<string>();
  let at: unknown = from;
  while (typeof at === "string" && !seen.has(at)) {
    if (at === goal) return true;
    seen.add(at);
    at = record(destinations[at])["then"];
  }
  return false;
}

function checkTool(path: Path, name: string, tool: Raw, lookup: EnvLookup, report: Report): void {
  if (CALL_TOOLS.some((builtin) => builtin === name))
    report(path, "is built in and cannot be replaced", "key");
  exactlyOne(path, tool, SOURCES, report);
  if (tool["http"] !== undefined) {
    const http = record(tool["http"]);
    const properties = Object.keys(record(record(tool["parameters"])["properties"]));
    checkUrl([...path, "http", "url"], http, properties, report);
    checkReferences([...path, "http", "headers"], http["headers"], lookup, report);
    if (typeof tool["description"] !== "string" || tool["description"] === "")
      report([...path, "description"], "is missing: the model chooses a tool by its description");
  }
  if (tool["mcp"] !== undefined) checkReferences([...path, "mcp"], tool["mcp"], lookup, report);
}

function exactlyOne(path: Path, raw: Raw, keys: readonly string[], report: Report): void {
  const present = keys.filter((key) => raw[key] !== undefined);
  if (present.length === 0) report(path, `needs one of ${keys.join(", ")}`, "key");
  if (present.length > 1)
    report(
      [...path, present[1] ?? ""],
      `is set beside ${present[0]}: use only one of ${keys.join(", ")}`,
      "key",
    );
}

function checkUrl(path: Path, http: Raw, placeholders: readonly string[], report: Report): void {
  const { url } = http;
  if (typeof url !== "string") return;
  const used = [...url.matchAll(/\{([^{}]*)\}/g)].map((match) => match[1] ?? "");
  for (const placeholder of used) {
    if (!placeholders.includes(placeholder))
      report(
        path,
        `contains {${placeholder}}, which is none of: ${placeholders.join(", ") || "(no parameters)"}`,
      );
  }
  const [one, other] = ["a", "b"].map((text) => url.replace(/\{[^{}]*\}/g, text));
  if (one === undefined || other === undefined || !URL.canParse(one) || !URL.canParse(other)) {
    report(path, "is not an absolute URL");
    return;
  }
  const parsed = new URL(one);
  if (parsed.host !== new URL(other).host) report(path, "contains a placeholder in its host");
  if (parsed.username !== "" || parsed.password !== "")
    report(path, "contains a user name or password: use headers");
  const listed = (listOf(http["allow_private_hosts"]) ?? []).includes(parsed.hostname);
  const plain = parsed.protocol === "http:" && (listed || isLoopbackHost(parsed.hostname));
  if (parsed.protocol !== "https:" && !plain)
    report(
      path,
      "is not https:// (http:// only to hosts in allow_private_hosts, or to this machine)",
    );
}

export const REFERENCE = /\$\{([^}]*)\}/g;

/** Every ${NAME} in any text below must be set. */
function checkReferences(path: Path, value: unknown, lookup: EnvLookup, report: Report): void {
  if (typeof value === "string") {
    for (const [, name = ""] of value.matchAll(REFERENCE)) {
      try {
        if (lookup(name) === undefined)
          report(path, `\${${name}} needs ${name} or ${name}_FILE in the environment`);
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        report(path, `\${${name}}: the file of ${name}_FILE cannot be read: ${why}`);
      }
    }
    return;
  }
  if (Array.isArray(value))
    for (const [i, item] of value.entries()) checkReferences([...path, i], item, lookup, report);
  else if (isRecord(value))
    for (const [key, item] of Object.entries(value))
      checkReferences([...path, key], item, lookup, report);
}

function quote(text: string): string {
  return JSON.stringify(text);
}
