/** Recorded speech to measure with: Debian's telephone prompts, or any folder of WAV files. */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, realpathSync } from "node:fs";
import { basename, join, relative } from "node:path";
import { readWav } from "./wav.js";

export type Half = "dev" | "test";

export interface Recording {
  /** "en", …; the name of the subfolder with `--speech`. */
  readonly language: string;
  readonly name: string;
  readonly half: Half;
  /** 8 kHz, full scale ±1. */
  readonly samples: Float32Array;
}

const SOUNDS = "/usr/share/asterisk/sounds";
const MUSIC = "/usr/share/asterisk/moh";
export const LANGUAGES = ["en", "es", "fr", "it", "ru"] as const;
/** The first of each language makes its folder, the second fills it; neither needs the other. */
const PACKAGES = [
  ...LANGUAGES.flatMap((language) => [
    `asterisk-core-sounds-${language}`,
    `asterisk-core-sounds-${language}-wav`,
  ]),
  "asterisk-moh-opsound-wav",
];
/** Among the prompts, but not speech. */
const NOT_SPEECH = /(^|\/)silence\/|beep|tone|ascending|descending/;
const SHORTEST_MS = 300;

/**
 * Installs the recordings where they are missing; that takes apt-get and root.
 *
 * @throws Error with the command to run where it cannot.
 */
export function ensurePrompts(say: (line: string) => void): void {
  const missing = [...LANGUAGES.map((language) => join(SOUNDS, language)), MUSIC].some(
    (path) => !existsSync(path),
  );
  if (!missing) return;
  const command = ["apt-get", "install", "-y", "--no-install-recommends", ...PACKAGES];
  const byHand = `the recordings are not here; run as root: ${command.join(" ")}\n(or name a folder of WAV files: --speech DIR)`;
  if (process.getuid?.() !== 0) throw new Error(byHand);
  say(`installing ${PACKAGES.length} packages of recordings …`);
  const { status } = spawnSync(command[0]!, command.slice(1), {
    stdio: ["ignore", "ignore", "inherit"],
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
  });
  if (status !== 0) throw new Error(byHand);
}

export function loadPrompts(): Recording[] {
  return LANGUAGES.flatMap((language) =>
    loadFolder(realpathSync(join(SOUNDS, language)), language),
  );
}

/** Music on hold; the recordings of one track fall into one half. */
export function loadMusic(): Recording[] {
  return existsSync(MUSIC) ? loadFolder(MUSIC, "music") : [];
}

/**
 * Each subfolder of `dir` is a language; files that lie in `dir` itself are the language "speech".
 */
export function loadSpeech(dir: string): Recording[] {
  const folders = readdirSync(dir, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  if (folders.length === 0) return loadFolder(dir, "speech");
  return folders.flatMap((folder) => loadFolder(join(dir, folder.name), folder.name));
}

function loadFolder(dir: string, language: string): Recording[] {
  return readdirSync(dir, { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".wav") && !NOT_SPEECH.test(path))
    .sort()
    .map((path) => load(join(dir, path), relative(dir, join(dir, path)), language))
    .filter((recording) => recording.samples.length >= SHORTEST_MS * 8);
}

function load(path: string, name: string, language: string): Recording {
  try {
    return { language, name, half: halfOf(name), samples: readWav(readFileSync(path)) };
  } catch (error) {
    throw new Error(`${path}: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
}

/** By the file's name alone, so that a sentence is in the same half in every language. */
export function halfOf(name: string): Half {
  return (createHash("sha256").update(basename(name)).digest()[0]! & 1) === 0 ? "dev" : "test";
}
