/**
 * The relay with or without its record keeping, for the paired measurement of what writing costs:
 * both ways are started by this same file, so they differ in nothing else. Argument: `on` or `off`.
 */

import { createApp } from "../../src/app/app.js";
import type { AppOverrides } from "../../src/app/app-overrides.js";
import { readAgentsFile } from "../../src/config/agents/agents-file.js";
import { loadConfig } from "../../src/config/load.js";

const config = loadConfig(process.env);
const agents = readAgentsFile(config, process.env);
const off: AppOverrides = { journal: { write: () => undefined } };
const app = await createApp(config, agents, process.argv[2] === "off" ? off : {});
await app.start();
process.once("SIGTERM", () => {
  void app.drain().then(async () => await app.stop());
});
