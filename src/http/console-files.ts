/**
 * The files of the web console: a fixed list, read once. No path of a request ever reaches the file
 * system.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, posix } from "node:path";
import { fileURLToPath } from "node:url";

export interface ConsoleFile {
  readonly type: string;
  readonly body: Uint8Array;
  /** Strong, quoted. */
  readonly etag: string;
}

const HTML = "text/html; charset=utf-8";
const SCRIPT = "text/javascript; charset=utf-8";

/** By the name under /console/. */
const OWN: Readonly<Record<string, string>> = {
  "style.css": "text/css; charset=utf-8",
  "icon.svg": "image/svg+xml",
};

const SCRIPTS: readonly string[] = [
  "actions.js",
  "alerts.js",
  "api.js",
  "app.js",
  "call-player.js",
  "calls-filter.js",
  "conversation.js",
  "dialog.js",
  "ended-row.js",
  "facets.js",
  "feed.js",
  "figures.js",
  "filter-form.js",
  "format.js",
  "history-api.js",
  "html.js",
  "inspect-axis.js",
  "inspect-details.js",
  "inspect-draw.js",
  "jitter-queue.js",
  "latency.js",
  "listen-panel.js",
  "listen-worklet.js",
  "listen.js",
  "live-calls.js",
  "main.js",
  "phone-worklet.js",
  "phone.js",
  "polled.js",
  "resampler.js",
  "review-panel.js",
  "route.js",
  "setup-feed.js",
  "shortcut-keys.js",
  "shortcuts.js",
  "signin.js",
  "store.js",
  "throttle.js",
  "timeline.js",
  "trouble.js",
  "turns.js",
  "ulaw.js",
  "view-audit.js",
  "view-call.js",
  "view-dev.js",
  "view-ended.js",
  "view-health.js",
  "view-inspect.js",
  "view-live.js",
  "view-place.js",
  "view-talk.js",
  "view-wall.js",
  "wall.js",
  "watched-call.js",
  "wav-source.js",
  "words.js",
];

export interface ConsoleFiles {
  readonly index: ConsoleFile;
  readonly signIn: ConsoleFile;
  /** Files without data, by their name under /console/. */
  readonly open: ReadonlyMap<string, ConsoleFile>;
}

/**
 * @param folder  default: `console/` beside `src` and `dist`.
 * @throws Error when a file is missing: the installation is incomplete.
 */
export function readConsoleFiles(
  folder = fileURLToPath(new URL("../../console/", import.meta.url)),
): ConsoleFiles {
  const own = (name: string, type: string): ConsoleFile => readOne(join(folder, name), type);
  const packages = createRequire(import.meta.url);
  const open = new Map([
    ...Object.entries(OWN).map(([name, type]) => [name, own(name, type)] as const),
    ...SCRIPTS.map((name) => [name, own(name, SCRIPT)] as const),
    ["vendor/preact.mjs", readOne(packages.resolve("preact"), SCRIPT)] as const,
    // The package gives Node another build than browsers; both lie in one folder.
    [
      "vendor/htm.mjs",
      readOne(join(dirname(packages.resolve("htm")), "htm.module.js"), SCRIPT),
    ] as const,
  ]);
  return {
    index: fileOf(preloading(readFileSync(join(folder, "index.html"), "utf8"), open), HTML),
    signIn: own("signin.html", HTML),
    open,
  };
}

/**
 * The page with a link for each module that its script needs: a browser requests them all at once,
 * and not one level of imports after the other.
 */
function preloading(page: string, files: ConsoleFiles["open"]): string {
  const links = [...modulesOf("main.js", files)].map(
    (name) => `<link rel="modulepreload" href="console/${name}" />\n    `,
  );
  return page.replace("<script ", () => `${links.join("")}<script `);
}

/** A module and all that it imports, by their names under /console/. */
function modulesOf(name: string, files: ConsoleFiles["open"], found = new Set<string>()) {
  if (found.has(name)) return found;
  found.add(name);
  const text = Buffer.from(files.get(name)?.body ?? []).toString();
  for (const [, specifier = ""] of text.matchAll(/^(?:import|export|\}).*\sfrom\s"(\.[^"]+)";$/gm))
    modulesOf(posix.join(posix.dirname(name), specifier), files, found);
  return found;
}

function readOne(path: string, type: string): ConsoleFile {
  return fileOf(readFileSync(path), type);
}

function fileOf(content: string | Uint8Array, type: string): ConsoleFile {
  const body = Buffer.from(content);
  const digest = createHash("sha256").update(body).digest("base64url").slice(0, 22);
  return { type, body, etag: `"${digest}"` };
}
