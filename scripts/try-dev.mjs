// `murelay dev` of an installed package as a person uses it: a tool is written while it runs, the agent is spoken to with
// a recorded voice and typed to. In Chromium where it is installed, else over the page's own WebSocket, without a voice.
import { spawn, spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { WebSocket } from "ws";

const PATIENCE_MS = 45_000;
const TOOL = `import { defineTool } from "murelay";
export default defineTool({
  description: "Opening hours of the shop",
  parameters: { type: "object", properties: {} },
  run: () => "We are open from nine to five",
});
`;
const QUESTION = "What are your opening hours?";

/** @param project  a folder as `murelay init` writes it, with the package installed. @throws Error that says what is missing. */
export async function tryDev(project) {
  const child = spawn("npx", ["--no-install", "murelay", "dev"], { cwd: project, detached: true });
  let printed = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (text) => {
      printed += text;
    });
  const shown = () => printed;
  try {
    const [address, origin, phone] = await until(
      () => /(http:\S+)\/console#phone=(ws:\S+)/.exec(printed),
      shown,
    );
    writeTool(project);
    await until(() => printed.includes("is in force"), shown);
    const chromium = spawnSync("which", ["chromium"], { encoding: "utf8" }).stdout.trim();
    if (chromium === "") await typeOnly(origin, phone, shown);
    else await useBrowser(project, chromium, address);
    return chromium === "" ? "typed to" : "spoken to in Chromium and typed to";
  } finally {
    process.kill(-child.pid, "SIGINT");
  }
}

function writeTool(project) {
  writeFileSync(join(project, "tools/opening-hours.mjs"), TOOL);
  const file = join(project, "agents.yaml");
  const text = readFileSync(file, "utf8");
  const listed = text.replace("tools: [order_status,", "tools: [order_status, opening_hours,");
  writeFileSync(file, `${listed}  opening_hours: {module: ./tools/opening-hours.mjs}\n`);
}

async function useBrowser(project, executablePath, address) {
  const { chromium } = await import("playwright-core");
  const browser = await chromium.launch({
    executablePath,
    args: [
      "--no-sandbox",
      "--use-fake-ui-for-media-stream",
      "--use-fake-device-for-media-stream",
      "--autoplay-policy=no-user-gesture-required",
      `--use-file-for-fake-audio-capture=${await microphone(project)}`,
    ],
  });
  try {
    const context = await browser.newContext({ permissions: ["microphone"] });
    const page = await context.newPage();
    page.setDefaultTimeout(PATIENCE_MS);
    await page.goto(address);
    await page.getByText("version 2").waitFor();
    await page.getByRole("button", { name: "Call", exact: true }).click();
    await page.locator(".turn.agent", { hasText: "How can I help?" }).waitFor();
    await page.locator(".turn.caller").first().waitFor();
    await page.locator(".turn.agent", { hasText: "understands no speech" }).waitFor();
    await page.getByPlaceholder("Type what the caller says").fill(QUESTION);
    await page.getByRole("button", { name: "Say", exact: true }).click();
    await page.locator(".step.tool", { hasText: "opening_hours" }).waitFor();
    await page.locator(".turn.agent", { hasText: "from nine to five" }).waitFor();
    await page.getByRole("button", { name: "Hang up" }).click();
  } finally {
    await browser.close();
  }
}

/** A recorded voice between silences, for Chromium's fake microphone. */
async function microphone(project) {
  const installed = join(project, "node_modules/murelay");
  const audio = (name) => import(pathToFileURL(join(installed, "dist/sim/audio", name)).href);
  const { stereoWav } = await audio("wav.js");
  const speech = readFileSync(join(installed, "demo/assets/caller-human.ulaw"));
  const quiet = (ms) => Buffer.alloc(ms * 8, 0xff);
  const voice = Buffer.concat([quiet(9_000), speech, quiet(15_000)]);
  const file = join(project, "microphone.wav");
  writeFileSync(file, stereoWav(voice, voice));
  return file;
}

async function typeOnly(origin, phone, shown) {
  const socket = new WebSocket(phone, { headers: { origin } });
  let state = {};
  socket.on("message", (data, isBinary) => {
    if (!isBinary) state = { ...state, ...JSON.parse(data.toString()) };
  });
  await new Promise((resolve, reject) => socket.once("open", resolve).once("error", reject));
  socket.send('{"type":"call","agent":"support"}');
  await until(() => state.state === "talking", shown);
  const record = async () => (await fetch(`${origin}/api/calls/${state.callSid}`)).json();
  await until(async () => (await record()).turns?.length > 0, shown);
  socket.send(JSON.stringify({ type: "say", text: QUESTION }));
  await until(async () => (await record()).tools[0]?.name === "opening_hours", shown);
  socket.close();
}

async function until(look, shown) {
  for (let waitedMs = 0; waitedMs < PATIENCE_MS; waitedMs += 100) {
    const found = await look();
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`waited in vain; murelay dev printed:\n${shown()}`);
}
