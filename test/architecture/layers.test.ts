/**
 * Reads the sources and holds them to the layers: who may import what, one package in one place, no stray clock,
 * environment or log. `docs/architecture.md` says why.
 */
import { existsSync } from "node:fs";
import { builtinModules } from "node:module";
import { join, posix } from "node:path";
import { describe, expect, it } from "vitest";
import {
  imports,
  ROOT,
  type Source,
  sources,
  targetOf,
  withoutComments,
  withoutStrings,
} from "./sources.js";

// --- the rules ------------------------------------------------------------------------------------------

type Layer = "pure" | "core" | "edge" | "entry";

/**
 * The layer of each folder of `src`, and for the two lower layers which folders of the same layer it may import.
 * A folder of a lower layer never imports a higher one.
 */
const FOLDERS: Readonly<
  Record<string, { readonly layer: Layer; readonly sees: readonly string[] }>
> = {
  domain: { layer: "pure", sees: ["ports"] },
  codec: { layer: "pure", sees: ["domain"] },
  wire: { layer: "pure", sees: ["domain", "codec"] },
  ports: { layer: "pure", sees: ["domain", "wire"] },
  playout: { layer: "pure", sees: ["domain", "codec"] },
  vad: { layer: "pure", sees: ["domain", "codec"] },
  records: { layer: "core", sees: [] },
  tools: { layer: "core", sees: ["records"] },
  transfer: { layer: "core", sees: ["records"] },
  relay: { layer: "core", sees: ["tools", "transfer", "records", "recorder"] },
  recorder: { layer: "core", sees: ["relay", "records"] },
  adapters: { layer: "edge", sees: [] },
  config: { layer: "edge", sees: [] },
  http: { layer: "edge", sees: [] },
  supervisor: { layer: "edge", sees: [] },
  app: { layer: "entry", sees: [] },
  cli: { layer: "entry", sees: [] },
};

const HEIGHT: Readonly<Record<Layer, number>> = { pure: 0, core: 1, edge: 2, entry: 3 };

/** One package, one place: files, or folders where they end in a slash. A new package is entered here with its place. */
const PLACES: Readonly<Record<string, readonly string[]>> = {
  "@opentelemetry/api": ["adapters/"],
  ajv: ["adapters/"],
  commander: ["cli.ts", "cli/"],
  dotenv: ["config/env-file.ts"],
  kysely: ["adapters/store/", "adapters/cluster/"],
  "libphonenumber-js": ["config/agents/"],
  libsql: ["adapters/store/"],
  openai: ["adapters/"],
  pg: ["adapters/store/", "adapters/cluster/"],
  pino: ["adapters/system/pino-log.ts"],
  "prom-client": ["adapters/metrics/prom-metrics.ts", "adapters/metrics/"],
  tsx: ["adapters/tools/child-processes.ts"],
  twilio: ["adapters/"],
  "uWebSockets.js": ["http/"],
  ws: ["adapters/cluster/"],
  yaml: ["config/agents/"],
  // The language in which settings and the agents file are declared.
  zod: ["config/"],
};

/** Node's own modules that touch nothing outside the process. */
const NO_IO = new Set([
  "assert",
  "async_hooks",
  "buffer",
  "crypto",
  "events",
  "path",
  "string_decoder",
  "url",
  "util",
]);

const CLOCK_AND_LOG =
  /(?<![.\w$])(performance|setTimeout|setInterval|setImmediate|queueMicrotask|console|process|fetch|globalThis)\b(?!\s*\??:)/g;
/** A wall-clock time may be written as a date above the pure layer, where there is none. */
const DATE = /(?<![.\w$])Date\b(?!\s*\??:)/g;
const READS_CLOCK = /(?<![.\w$])(?:Date\.now|new Date\(\s*\)|performance\.now)/g;
const RANDOM = /(?<![.\w$])Math\.random\b/g;
const ENVIRONMENT =
  /(?<![.\w$])process\.env\b|(?<![.\w$])env\b[^;]*from\s*["'](?:node:)?process["']/g;

function folderOf(path: string): string {
  return path.includes("/") ? path.slice(0, path.indexOf("/")) : path.replace(/\.ts$/, "");
}

function layerOf(path: string): Layer {
  return FOLDERS[folderOf(path)]?.layer ?? "entry";
}

function packageOf(specifier: string): string {
  return specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
}

// --- judging --------------------------------------------------------------------------------------------

/** Every way in which one source breaks the rules, as a sentence each. */
function faultsOf({ path, text }: Source, exists: (path: string) => boolean): string[] {
  return [
    ...imports(text).flatMap((specifier) => importFaults(path, specifier, exists)),
    ...wordFaults(path, withoutStrings(text)),
    ...nameFaults(path),
  ];
}

function importFaults(
  path: string,
  specifier: string,
  exists: (path: string) => boolean,
): string[] {
  const layer = layerOf(path);
  if (specifier.startsWith(".")) {
    const target = targetOf(path, specifier);
    if (target.startsWith("..")) {
      // package.json lies beside src and dist alike; nothing else out there may be relied on.
      return target === "../package.json" ? [] : [`${path} leaves src: ${specifier}`];
    }
    if (!specifier.endsWith(".js")) return [`${path} imports ${specifier} without .js`];
    if (!exists(target)) return [`${path} imports ${specifier}, which is not there`];
    return layerFaults(path, target);
  }
  const builtin = specifier.replace(/^node:/, "");
  if (specifier.startsWith("node:") || builtinModules.includes(builtin)) {
    if (!specifier.startsWith("node:")) return [`${path} imports ${specifier} without node:`];
    if (layer === "pure") return [`${path} is in the pure layer and imports ${specifier}`];
    if (layer === "core" && !NO_IO.has(builtin))
      return [`${path} is in the core and imports ${specifier}`];
    return [];
  }
  if (layer === "pure" || layer === "core")
    return [`${path} is in the ${layer} layer and imports the package ${specifier}`];
  const place = PLACES[packageOf(specifier)];
  if (place === undefined) return [`${path} imports ${specifier}, which has no place`];
  const inPlace = place.some((one) => (one.endsWith("/") ? path.startsWith(one) : path === one));
  return inPlace ? [] : [`${path} imports ${specifier}, whose place is ${place.join(" or ")}`];
}

function layerFaults(path: string, target: string): string[] {
  const fault = [`${path} may not import ${target}`];
  const [from, to] = [folderOf(path), folderOf(target)];
  if (from === to) return [];
  const [own, other] = [layerOf(path), layerOf(target)];
  if (HEIGHT[other] > HEIGHT[own]) return fault;
  if (own === "pure" || (own === "core" && other === "core"))
    return FOLDERS[from]!.sees.includes(to) ? [] : fault;
  // Routes may use an adapter; an adapter knows nothing of routes.
  return from === "adapters" && to === "http" ? fault : [];
}

function wordFaults(path: string, code: string): string[] {
  const found = (pattern: RegExp, what: string) =>
    [...code.matchAll(pattern)].map((match) => `${path} ${what}: ${match[0].trim()}`);
  const faults: string[] = [];
  const layer = layerOf(path);
  if (layer === "pure") faults.push(...found(DATE, "knows a date"));
  else if (path !== "adapters/system/system-clock.ts")
    faults.push(...found(READS_CLOCK, "reads the clock"));
  if (layer === "pure" || layer === "core") {
    faults.push(...found(CLOCK_AND_LOG, "has timer, log or process to itself"));
    faults.push(...found(RANDOM, "makes chance of its own"));
  }
  // Node's own options have to be known before there are settings.
  if (
    !/^(?:cli\.ts|config\/load\.ts|adapters\/system\/(?:v8-flags|helper-threads)\.ts)$/.test(path)
  )
    faults.push(...found(ENVIRONMENT, "reads the environment"));
  return faults;
}

function nameFaults(path: string): string[] {
  const name = posix.basename(path);
  if (!/^[a-z0-9]+(?:-[a-z0-9]+)*\.ts$/.test(name)) return [`${path} is not named in kebab-case`];
  return name === "index.ts" || name === "utils.ts" ? [`${path} has the name of a drawer`] : [];
}

// --- the console ----------------------------------------------------------------------------------------

/** What turns text into markup or code, keeps things in the browser for ever, or comes from elsewhere. */
const NOT_IN_A_BROWSER =
  /\b(?:innerHTML|outerHTML|insertAdjacentHTML|dangerouslySetInnerHTML|DOMParser|createContextualFragment|srcdoc|eval|Function|document\s*\.\s*(?:write|cookie)|localStorage|indexedDB|importScripts)\b|(?:https?|wss):\/\//g;

/** Every way in which one file of the console breaks its rules. `path` is relative to console. */
function consoleFaultsOf({ path, text }: Source, exists: (path: string) => boolean): string[] {
  const name = posix.basename(path);
  if (path.endsWith(".html")) {
    const inline =
      /<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=|(?:src|href)="(?!console\/)/gi;
    return [...text.matchAll(inline)].map((match) => `${path} holds ${match[0].trim()}`);
  }
  const code = withoutComments(text);
  const faults = imports(text).flatMap((specifier) => {
    // Packages come in by one file; all others are beside it, as a browser finds them.
    if (specifier.startsWith("./vendor/"))
      return path === "html.js" ? [] : [`${path} imports ${specifier}, whose place is html.js`];
    const there = /^\.\/[a-z0-9-]+\.js$/.test(specifier) && exists(specifier.slice(2));
    return there ? [] : [`${path} imports ${specifier}, which a browser does not find`];
  });
  for (const match of code.matchAll(NOT_IN_A_BROWSER)) faults.push(`${path} uses ${match[0]}`);
  if (!/^[a-z0-9]+(?:-[a-z0-9]+)*\.js$/.test(name))
    faults.push(`${path} is not named in kebab-case`);
  if (name === "index.js" || name === "utils.js") faults.push(`${path} has the name of a drawer`);
  return faults;
}

describe("the sources", () => {
  const all = sources("src");
  const inSrc = (path: string) => existsSync(join(ROOT, "src", path));

  it("keeps its rules in every source", () => {
    expect(all.length).toBeGreaterThan(20);
    expect(all.flatMap((source) => faultsOf(source, inSrc))).toEqual([]);
  });

  it("keeps the console's rules in every file of it", () => {
    const files = sources("console", /\.(?:js|html)$/);
    expect(files.length).toBeGreaterThan(20);
    const there = (path: string) => existsSync(join(ROOT, "console", path));
    expect(files.flatMap((file) => consoleFaultsOf(file, there))).toEqual([]);
  });

  it("gives every folder a layer", () => {
    const folders = new Set(all.map(({ path }) => folderOf(path)));
    expect([...folders].filter((folder) => FOLDERS[folder] === undefined)).toEqual([]);
  });
});

describe("the rules", () => {
  const judge = (path: string, text: string) => faultsOf({ path, text }, () => true);

  it.each([
    // Who sees what.
    ["codec/bad.ts", 'import { x } from "../relay/call.js";'],
    ["codec/bad.ts", 'import type { x } from "../ports/clock.js";'],
    ["wire/bad.ts", 'export { x } from "../playout/playout-ledger.js";'],
    ["wire/bad.ts", 'export * from "../vad/energy-vad.js";'],
    ["records/bad.ts", 'import { x } from "../relay/call.js";'],
    ["tools/bad.ts", 'import { x } from "../transfer/cold-transfer.js";'],
    ["transfer/bad.ts", 'import { x } from "../tools/runner.js";'],
    ["tools/bad.ts", 'import type {\n  x,\n} from "../relay/call.js";'],
    ["relay/bad.ts", 'import { x } from "../adapters/pino-log.js";'],
    ["relay/bad.ts", 'import { x } from "../config/load.js";'],
    ["http/bad.ts", 'import { x } from "../app/app.js";'],
    ["adapters/bad.ts", 'import { x } from "../http/server.js";'],
    ["adapters/bad.ts", 'import { x } from "../app/app.js";'],
    // Out of src.
    ["cli.ts", 'import { x } from "../bench/load/run.js";'],
    ["relay/bad.ts", 'import { x } from "../../test/support/fake-clock.js";'],
    ["relay/bad.ts", 'const x = await import("../../sim/phone.js");'],
    ["relay/bad.ts", 'import { x } from "./call";'],
    // Packages and Node.
    ["vad/bad.ts", 'import { z } from "zod";'],
    ["relay/bad.ts", 'import pino from "pino";'],
    ["relay/bad.ts", 'import "ws";'],
    ["relay/bad.ts", 'const ws = require("ws");'],
    ["http/bad.ts", 'import { WebSocket } from "ws";'],
    ["adapters/bad.ts", 'import { App } from "uWebSockets.js";'],
    ["adapters/bad.ts", 'import RequestClient from "pino/lib/tools.js";'],
    ["adapters/bad.ts", 'import x from "left-pad";'],
    ["playout/bad.ts", 'import { createHash } from "node:crypto";'],
    ["relay/bad.ts", 'import { readFileSync } from "node:fs";'],
    ["relay/bad.ts", 'import { connect } from "node:net";'],
    ["adapters/bad.ts", 'import { readFileSync } from "fs";'],
    // Clock, log, chance, environment.
    ["codec/bad.ts", "const now = Date.now();"],
    ["vad/bad.ts", "const now = performance.now();"],
    ["wire/bad.ts", "const text = new Date(0).toISOString();"],
    ["relay/bad.ts", "setTimeout(run, 20);"],
    ["relay/bad.ts", 'console.log("here");'],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the template is the made-up source
    ["relay/bad.ts", "const text = `at ${new Date()}`;"],
    ["relay/bad.ts", "const jitter = Math.random();"],
    ["http/bad.ts", "const now = Date.now();"],
    ["adapters/bad.ts", "const now = new Date();"],
    ["adapters/bad.ts", "const level = process.env.LOG_LEVEL;"],
    ["app/app.ts", 'const { env } = process; const level = process.env["LOG_LEVEL"];'],
    // Names.
    ["relay/BadName.ts", ""],
    ["relay/utils.ts", ""],
    ["wire/index.ts", ""],
  ])("refuse in %s: %s", (path, text) => expect(judge(path, text)).toHaveLength(1));

  it.each([
    ["vad/good.ts", 'import { x } from "../codec/level.js";'],
    ["wire/good.ts", 'import type { CallSid } from "../domain/ids.js";'],
    [
      "relay/good.ts",
      'import { x } from "../tools/runner.js";\nimport { y } from "../playout/playout-ledger.js";',
    ],
    ["relay/good.ts", 'import { createHmac } from "node:crypto";'],
    ["records/good.ts", "const text = new Date(epochMs).toISOString();"],
    [
      "http/good.ts",
      'import { App } from "uWebSockets.js";\nimport type { CallService } from "../relay/calls/call-service.js";',
    ],
    ["adapters/store/good.ts", 'import { Kysely } from "kysely";'],
    ["adapters/system/system-clock.ts", "const clock = { nowMs: () => performance.now() };"],
    ["cli.ts", "loadConfig(process.env);"],
    [
      "app/app.ts",
      'import { x } from "../adapters/system/pino-log.js";\nimport { y } from "../http/server.js";',
    ],
    [
      "codec/good.ts",
      '/** Not Date.now(), see "node:fs". */ // import { x } from "ws";\nconst text = "Date.now()";',
    ],
    ["relay/good.ts", "this.clock.setTimeout(1); const names = { console: 1, process: 2 };"],
  ])("allow in %s: %s", (path, text) => expect(judge(path, text)).toEqual([]));

  it.each([
    ["view.js", 'import { h } from "preact";'],
    ["view.js", 'import { h } from "./vendor/preact.mjs";'],
    ["view.js", 'import { x } from "../src/domain/errors.js";'],
    ["view.js", 'import { x } from "./store";'],
    ["view.js", "element.innerHTML = text;"],
    ["view.js", "html`<p dangerouslySetInnerHTML=$" + "{x} />`"],
    ["view.js", "localStorage.setItem(a, b);"],
    ["view.js", 'fetch("https://elsewhere.example/");'],
    ["view.js", "setTimeout(new Function(text));"],
    ["MyView.js", ""],
    ["utils.js", ""],
    ["index.html", "<script>run()</script>"],
    ["index.html", '<p style="color: red">'],
    ["index.html", '<p onclick="run()">'],
    ["index.html", '<script src="//cdn.example/x.js"></script>'],
  ])("refuse in console/%s: %s", (path, text) =>
    expect(consoleFaultsOf({ path, text }, () => true)).toHaveLength(1),
  );

  it.each([
    ["html.js", 'import { h } from "./vendor/preact.mjs";'],
    ["view.js", 'import { html } from "./html.js"; // not innerHTML'],
    ["index.html", '<script type="module" src="console/main.js"></script>'],
  ])("allow in console/%s: %s", (path, text) =>
    expect(consoleFaultsOf({ path, text }, () => true)).toEqual([]),
  );

  it("see an import that leads nowhere", () => {
    expect(
      faultsOf({ path: "wire/bad.ts", text: 'import "./gone.js";' }, () => false),
    ).toHaveLength(1);
  });
});
