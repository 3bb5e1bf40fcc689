import { didYouMean } from "../nearest.js";
import type { Report } from "./checks.js";
import { listOf, record } from "./raw.js";

/**
 * The voices of the Realtime API. Source: OpenAI's OpenAPI description, 2026-10. A custom voice is
 * named by its id, voice_….
 */
const VOICES = [
  "alloy",
  "ash",
  "ballad",
  "cedar",
  "coral",
  "echo",
  "marin",
  "sage",
  "shimmer",
  "verse",
] as const;

/**
 * Finds what is probably a mistake in an agents file that has no fault: a voice that does not
 * exist, a tool that no agent lists. The relay starts all the same, since OpenAI may add voices.
 */
export function agentsWarnings(file: unknown, report: Report): void {
  const root = record(file);
  const defaults = record(root["defaults"]);
  const agents = record(root["agents"]);
  const listed = new Set<unknown>(listOf(defaults["tools"]) ?? []);
  checkVoice(["defaults", "voice"], defaults["voice"], report);
  for (const [name, raw] of Object.entries(agents)) {
    const agent = record(raw);
    for (const tool of listOf(agent["tools"]) ?? []) listed.add(tool);
    checkVoice(["agents", name, "voice"], agent["voice"], report);
    for (const [language, profile] of Object.entries(record(agent["languages"])))
      checkVoice(
        ["agents", name, "languages", language, "voice"],
        record(profile)["voice"],
        report,
      );
  }
  for (const tool of Object.keys(record(root["tools"])))
    if (!listed.has(tool))
      report(["tools", tool], "is listed by no agent: add it to the agent's tools", "key");
}

function checkVoice(path: Parameters<Report>[0], voice: unknown, report: Report): void {
  if (typeof voice !== "string" || voice.startsWith("voice_")) return;
  if (!VOICES.some((known) => known === voice))
    report(path, `${JSON.stringify(voice)} is not a known voice${didYouMean(voice, VOICES)}`);
}
