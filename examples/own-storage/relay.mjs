// A relay in a program of your own that stores each call itself. Run: node --env-file=.env relay.mjs
import { appendFile } from "node:fs/promises";
import { pathToFileURL } from "node:url";
import { createRelay } from "murelay";

/** Starts the relay. @param file  each call becomes a line of JSON here: replace it by your storage. */
export async function startRelay(settings, file) {
  const relay = await createRelay({
    settings,
    onCallCompleted: async ({ callSid, agent, outcome, startedAt, endedAt, turns, costUsd }) => {
      const words = turns.map(({ who, heardText, text }) => ({ who, text: heardText ?? text }));
      const line = { callSid, agent, outcome, startedAt, endedAt, costUsd, words };
      await appendFile(file, `${JSON.stringify(line)}\n`);
    },
  });
  return { relay, ports: await relay.start() };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const { relay } = await startRelay(process.env, "calls.jsonl");
  for (const signal of ["SIGTERM", "SIGINT"])
    process.once(signal, async () => {
      await relay.drain();
      await relay.stop();
    });
}
