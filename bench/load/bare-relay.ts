/**
 * The relay with or without its record keeping, for the paired measurement of what writing costs: both ways are started by this
 * same file, so they differ in nothing else. Arguments: `on`, or `off` and a file for what the calls would have had recorded.
 */
import { writeFileSync } from "node:fs";
import { readAgentsFile } from "../../src/agents-file.js";
import { type AppOverrides, createApp } from "../../src/app.js";
import { loadConfig } from "../../src/config.js";
import type { RecordedMoment } from "./records-alone.js";

const config = loadConfig(process.env);
const agents = readAgentsFile(config, process.env);
const moments: RecordedMoment[] = [];
const off: AppOverrides = {
  journal: {
    write: (callSid, event) => void moments.push({ atMs: performance.now(), callSid, event }),
  },
};
const [mode, file = ""] = process.argv.slice(2);
const app = await createApp(config, agents, mode === "off" ? off : {});
await app.start();
process.once("SIGTERM", () => {
  void app.drain().then(async () => {
    await app.stop();
    if (mode === "off") writeFileSync(file, moments.map((moment) => JSON.stringify(moment)).join("\n"));
  });
});
