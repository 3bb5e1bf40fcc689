/** `murelay dev` with a project as `murelay init` writes it, used as a person does: in a real Chromium, by text and by a recorded voice. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { loadClip } from "../../demo/clips.js";
import { main } from "../../dev/dev-main.js";
import { decodeUlaw } from "../../sim/audio/mulaw.js";
import { startModel } from "../../sim/model.js";
import { init } from "../../src/cli/init-command.js";
import { chromiumSkip, launchChromium, openPage, PATIENCE_MS } from "../fakes/chromium.js";
import { FakeIo } from "../fakes/fake-io.js";
import { makeWav } from "../fakes/make-wav.js";

const closers: (() => void | Promise<void>)[] = [];
let project = "";
beforeEach(async () => {
  project = mkdtempSync(join(tmpdir(), "murelay-dev-"));
  closers.push(() => rmSync(project, { recursive: true, force: true }));
  await init(new FakeIo(), project, {});
  // As npm install would.
  mkdirSync(join(project, "node_modules"));
  symlinkSync(process.cwd(), join(project, "node_modules", "murelay"));
});
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const agentsFile = () => join(project, "agents.yaml");

function edit(from: string, to: string): void {
  const text = readFileSync(agentsFile(), "utf8");
  expect(text).toContain(from);
  writeFileSync(agentsFile(), text.replace(from, to));
}

/** @returns the address that the command prints. */
async function start(): Promise<string> {
  const io = new FakeIo();
  const ended = main(io, agentsFile(), {});
  closers.push(async () => {
    io.interrupt();
    expect(await ended).toBe(0);
  });
  const address = () => /http:\S+#phone=\S+/.exec(io.text)?.[0];
  await expect.poll(address, { timeout: PATIENCE_MS }).toBeDefined();
  return address() ?? "";
}

/** A fake microphone: quiet during the greeting, then speech, then quiet. */
function microphone(): string {
  const speech = decodeUlaw(loadClip("caller-human").audio);
  const file = join(project, "microphone.wav");
  const [before, after] = [5_000 * 8, 19_000 * 8];
  writeFileSync(
    file,
    makeWav(1, before + speech.length + after, (_channel, frame) => speech[frame - before] ?? 0),
  );
  return file;
}

async function open(address: string, flags: readonly string[] = []) {
  const browser = await launchChromium([
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
    ...flags,
  ]);
  closers.push(() => browser.close());
  const opened = await openPage(browser, { permissions: ["microphone"] });
  await opened.page.goto(address);
  return opened;
}

async function type(page: Page, text: string): Promise<void> {
  await page.getByPlaceholder("Type what the caller says").fill(text);
  await page.getByRole("button", { name: "Say", exact: true }).click();
}

describe.skipIf(chromiumSkip("murelay dev in a browser") !== null)(
  "murelay dev",
  { timeout: 6 * PATIENCE_MS },
  () => {
    it("answers text by the project's own tool, and shows the tool and the latency by part", async () => {
      const { page, complaints } = await open(await start());
      await page.getByRole("button", { name: "Call without a microphone" }).click();
      await page.locator(".turn.agent", { hasText: "How can I help?" }).waitFor();
      await page.getByText("Type what the caller says.").waitFor();
      expect(await page.getByRole("button", { name: "Mute" }).count()).toBe(0);
      await type(page, "Where is my order 4217?");
      await page.locator(".turn.caller", { hasText: "Where is my order 4217?" }).waitFor();
      await page.locator(".step.tool", { hasText: "order_status" }).waitFor();
      await page.locator(".turn.agent", { hasText: "on its way" }).waitFor();
      await page.locator(".latencies", { hasText: "order_status" }).waitFor();
      await page.locator(".step.tool summary").click();
      await page.locator(".step.tool pre", { hasText: '"order": "4217"' }).waitFor();
      await page.getByRole("button", { name: "Hang up" }).click();
      expect(complaints()).toEqual([]);
    });

    it("hears a voice, and answers it", async () => {
      const flags = [`--use-file-for-fake-audio-capture=${microphone()}`];
      const { page, complaints } = await open(await start(), flags);
      await page.getByRole("button", { name: "Call", exact: true }).click();
      await page.locator(".turn.caller").first().waitFor();
      await page.locator(".turn.agent", { hasText: "understands no speech" }).waitFor();
      await type(page, "My order is 1001");
      await page.locator(".step.tool", { hasText: "order_status" }).waitFor();
      expect(complaints()).toEqual([]);
    });

    it("puts a change on disk into the next call, and keeps the old version over a fault", async () => {
      const { page, complaints } = await open(await start());
      await page.getByText("version 1").waitFor();
      edit("How can I help?", "What may I do for you?");
      await page.getByText("version 2").waitFor();
      edit("    voice: marin", "    voize: marin");
      const fault = page.getByRole("alert").filter({ hasText: "has faults" });
      await fault.getByText("is unknown (did you mean voice?)").waitFor();
      await fault.getByText(/^line \d+/).waitFor();
      await page.getByRole("button", { name: "Call without a microphone" }).click();
      await page.locator(".turn.agent", { hasText: "What may I do for you?" }).waitFor();
      await page.getByRole("button", { name: "Hang up" }).click();
      edit("    voize: marin", "    voice: cedar");
      await page.getByText("version 3").waitFor();
      expect(complaints()).toEqual([]);
    });
  },
);

/** The page's own protocol, without a page. */
async function phone(address: string) {
  const [, origin = "", url = ""] = /^(http:.+)\/console#phone=(.+)$/.exec(address) ?? [];
  const messages: Record<string, unknown>[] = [];
  const socket = new WebSocket(url, { headers: { origin } });
  socket.on("message", (data, isBinary) => {
    if (!isBinary) messages.push(JSON.parse(String(data)) as Record<string, unknown>);
  });
  closers.push(() => socket.close());
  await new Promise((resolve) => socket.once("open", resolve));
  const send = (message: object) => socket.send(JSON.stringify(message));
  const last = (type: string) => messages.findLast((message) => message["type"] === type);
  const record = async () => {
    const answer = await fetch(`${origin}/api/calls/${last("state")?.["callSid"]}`);
    return (await answer.json()) as { agent?: string; to?: string };
  };
  const timeline = async () =>
    (await fetch(`${origin}/api/calls/${last("state")?.["callSid"]}/timeline`)).status;
  return { send, last, record, timeline };
}

describe("the phone of murelay dev", { timeout: 2 * PATIENCE_MS }, () => {
  const settled = { timeout: PATIENCE_MS };

  it("calls the agent or the number that was chosen", async () => {
    edit('numbers: {"*": support}', 'numbers: {"*": support, "+12025550188": sales}');
    edit("agents:\n", "agents:\n  sales: {instructions: Sell., greeting: Sales.}\n");
    const address = await start();
    for (const [choice, agent] of [
      [{ agent: "sales" }, "sales"],
      [{ agent: "support" }, "support"],
      [{ number: "+12025550188" }, "sales"],
      [{}, "support"],
    ] as const) {
      const { send, last, record, timeline } = await phone(address);
      send({ type: "call", ...choice });
      await expect.poll(() => last("state")?.["state"], settled).toBe("talking");
      expect(await record()).toMatchObject({ agent });
      expect(await timeline()).toBe(200);
      send({ type: "hang_up" });
    }
  });

  it("is told of the file, and again once a tool module has changed", async () => {
    const { send, last } = await phone(await start());
    const setup = () => last("setup")?.["setup"];
    send({ type: "watch" });
    await expect.poll(setup, settled).toMatchObject({ version: 1, agents: ["support"] });
    const module = join(project, "tools", "order-status.mjs");
    writeFileSync(module, readFileSync(module, "utf8").replace("tomorrow", "next week"));
    await expect.poll(setup, settled).toMatchObject({ version: 2, faults: [] });
    writeFileSync(module, "throw new Error('broken');");
    await expect
      .poll(setup, settled)
      .toMatchObject({ version: 2, faults: [{ path: "tools.order_status.module" }] });
  });

  it("says why a text was not taken", async () => {
    const { send, last } = await phone(await start());
    send({ type: "call" });
    await expect.poll(() => last("state")?.["state"], settled).toBe("talking");
    send({ type: "say", text: "   " });
    await expect.poll(() => last("refused")?.["problem"], settled).toContain("nothing to say");
  });
});

describe("murelay dev with OpenAI's model", { timeout: 2 * PATIENCE_MS }, () => {
  it("says in the page and in the terminal what to do about a wrong key", async () => {
    const model = await startModel({ script: { turns: [] } });
    closers.push(() => model.close());
    const env = { OPENAI_API_KEY: "sk-wrong-key", OPENAI_REALTIME_URL: model.url };
    const io = new FakeIo(env);
    const ended = main(io, agentsFile(), { model: "openai" });
    closers.push(async () => {
      io.interrupt();
      expect(await ended).toBe(0);
    });
    await expect.poll(() => io.text, { timeout: PATIENCE_MS }).toContain("check OPENAI_API_KEY");
    expect(io.text).not.toContain("sk-wrong-key");
    const { send, last } = await phone(/http:\S+#phone=\S+/.exec(io.text)?.[0] ?? "");
    send({ type: "watch" });
    await expect
      .poll(() => last("setup")?.["setup"], { timeout: PATIENCE_MS })
      .toMatchObject({ notices: [expect.stringMatching(/^support: .*check OPENAI_API_KEY/)] });
  });
});

describe("murelay dev, at the start", () => {
  it.each<[string, string | null, object, string]>([
    ["a file that is not there", "nothing.yaml", {}, "is not there"],
    ["an unknown model", null, { model: "other" }, "simulated or openai"],
    ["OpenAI's model without a key", null, { model: "openai" }, "OPENAI_API_KEY"],
    ["a port that is none", null, { port: "x" }, "--port x"],
  ])("refuses %s", async (_, name, options, problem) => {
    const io = new FakeIo();
    const file = name === null ? agentsFile() : join(project, name);
    expect(await main(io, file, options)).toBe(2);
    expect(io.errors.join("\n")).toContain(problem);
  });

  it("names the faults of the agents file", async () => {
    edit("    voice: marin", "    voize: marin");
    const io = new FakeIo();
    expect(await main(io, agentsFile(), {})).toBe(2);
    expect(io.errors.join("\n")).toContain("did you mean voice?");
  });
});
