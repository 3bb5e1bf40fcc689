/** A relay on a database, with what its parent asks about its event loop. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createLog } from "../../src/adapters/system/pino-log.js";
import { createApp } from "../../src/app/app.js";
import { loadAgentsFile } from "../../src/config/agents/agents-file.js";
import { loadConfig } from "../../src/config/load.js";

const [url = "", home = ""] = process.argv.slice(2);

const AGENTS = `
agents: {support: {instructions: You answer the phone.}}
numbers: {"*": support}
`;

const config = loadConfig({
  HOST: "127.0.0.1",
  PORT: "0",
  ADMIN_PORT: "0",
  PUBLIC_URL: "https://relay.example",
  TWILIO_ACCOUNT_SID: `AC${"0".repeat(32)}`,
  TWILIO_AUTH_TOKEN: "0".repeat(32),
  OPENAI_API_KEY: "sk-none",
  DATABASE_URL: url,
  RECORDINGS_DIR: join(home, "recordings"),
});
const agents = loadAgentsFile(AGENTS, "agents.yaml", {
  env: {},
  defaults: { model: "gpt-realtime-2.1", humanAgentNumber: null, maxCallMinutes: 55 },
});
const app = await createApp(config, agents, { log: createLog({ level: "warn", pretty: true }) });
const { adminPort } = await app.start();

/** CPU time of this thread, where the system tells it: other programs do not make it longer. */
const SCHEDULED = "/proc/self/schedstat";
const hasCpuTime = existsSync(SCHEDULED);
function spentMs(): number {
  if (!hasCpuTime) return performance.now();
  return Number(readFileSync(SCHEDULED, "latin1").split(" ")[0]) / 1e6;
}

let longestMs = 0;
let lastMs = spentMs();
/** Each turn of the event loop. */
function turn(): void {
  const nowMs = spentMs();
  longestMs = Math.max(longestMs, nowMs - lastMs);
  lastMs = nowMs;
  setTimeout(turn, 1);
}
turn();

process.on("message", (question) => {
  const answer = Math.max(0, hasCpuTime ? longestMs : longestMs - 1);
  if (question === "reset") longestMs = 0;
  process.send?.(answer);
});
process.on("disconnect", () => void app.stop().then(() => process.exit(0)));
process.send?.(adminPort);
