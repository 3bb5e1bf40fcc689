/** The supervisor's desk in a real browser, from the first look at fifty calls to the last act. */
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { speechLike } from "../../sim/audio/synth.js";
import type { Script, TurnContext } from "../../sim/model/script.js";
import { heardMs, playedAudio } from "../../sim/twilio/heard.js";
import type { Leg } from "../../sim/twilio/leg.js";
import { chromiumSkip, launchChromium, openPage, PATIENCE_MS } from "../fakes/chromium.js";
import { decoded, keepAudio, played, spoken } from "../fakes/page-audio.js";
import { type Stage, startStage } from "../fakes/stage.js";

const CALLS = 50;
const AT_ONCE = 10;
const TROUBLED = 17;
const HELLO = { text: "Hello.", audio: speechLike(300, 1) };
const SORRY = { text: "I cannot find that order.", audio: speechLike(300, 2) };
const ANSWER = { text: "It left on Monday.", audio: speechLike(1_500, 3) };
const NOTED = { text: "As our guest of honour you pay nothing.", audio: speechLike(400, 4) };
const BACK = { text: "I am back.", audio: speechLike(300, 5) };
const QUESTION = speechLike(600, 6);
const NOTE = "They are a guest of honour.";
const HANDED_BACK = "Refund granted.";
const PATIENCE = { timeout: PATIENCE_MS };

const tokenOf = (role: string): string => `the-token-of-the-${role}`;
const hash = (text: string): string => createHash("sha256").update(text).digest("hex");

/** The microphone's frames that the phone got, in order; some may have been dropped as late. */
function areInOrder(frames: readonly Buffer[], sent: readonly Buffer[]): boolean {
  let next = 0;
  return frames.every((frame) => {
    while (next < sent.length && !sent[next]!.equals(frame)) next++;
    return next++ < sent.length;
  });
}

describe.skipIf(chromiumSkip("the supervisor's desk") !== null)("the supervisor's desk", () => {
  let home: string;
  let browser: Browser;
  let stage: Stage;
  const told = (session: number): string => JSON.stringify(stage.model.sessions[session]!.events);

  /** What the model says depends on what it has been told. */
  const turnOf = ({ index, cause, outputs, sessionIndex }: TurnContext) => {
    if (index === 0) return { say: HELLO };
    if (outputs.length > 0) return { say: SORRY };
    if (cause !== "vad") return { say: told(sessionIndex).includes(HANDED_BACK) ? BACK : SORRY };
    // A tool that the agent does not have.
    if (index === 1) return { calls: Array(4).fill({ name: "find_order", arguments: {} }) };
    return { say: told(sessionIndex).includes(NOTE) ? NOTED : ANSWER };
  };

  beforeAll(async () => {
    home = mkdtempSync(join(tmpdir(), "murelay-desk-"));
    const file = join(home, "operators.yaml");
    const entries = ["viewer", "supervisor"].map(
      (role) => `  a-${role}: {role: ${role}, token_sha256: ${hash(tokenOf(role))}}\n`,
    );
    writeFileSync(file, `operators:\n${entries.join("")}`);
    browser = await launchChromium([
      "--autoplay-policy=no-user-gesture-required",
      "--use-fake-device-for-media-stream",
      "--use-fake-ui-for-media-stream",
    ]);
    stage = await startStage((): Script => ({ turns: turnOf }), {
      env: { OPERATORS_FILE: file },
      twilio: { speed: 1, callees: () => ({}) },
    });
  }, PATIENCE_MS);
  afterAll(async () => {
    await browser?.close();
    await stage?.close();
    rmSync(home, { recursive: true, force: true });
  });

  async function signIn(role: string) {
    const opened = await openPage(browser);
    await keepAudio(opened.page);
    await opened.page.goto(`http://127.0.0.1:${stage.adminPort}/console`);
    await opened.page.getByLabel("Operator token").fill(tokenOf(role));
    await opened.page.keyboard.press("Enter");
    await opened.page.getByTitle(`Role: ${role}`).waitFor();
    return opened;
  }

  it("finds the worst of fifty calls, listens, whispers, takes over, hands back, transfers and ends; a viewer can do none of it", {
    timeout: 4 * PATIENCE_MS,
  }, async () => {
    const calls: Leg[] = [];
    const isGreeted = ({ sid }: Leg): boolean =>
      stage.written(sid).some(({ type }) => type === "agent_heard");
    while (calls.length < CALLS) {
      for (let n = 0; n < AT_ONCE; n++)
        calls.push(stage.twilio.placeCall({ from: `+1555010${1_000 + calls.length}` }));
      await expect.poll(() => calls.filter(isGreeted).length, PATIENCE).toBe(calls.length);
    }
    const call = calls[TROUBLED]!;
    const stream = call.streams[0]!;
    const heard = (audio: Uint8Array): number => heardMs(stream, audio) ?? 0;
    await call.say(QUESTION);
    await expect.poll(() => heard(SORRY.audio), PATIENCE).toBe(300);

    const { page, complaints, close } = await signIn("supervisor");
    await page.locator(".count", { hasText: String(CALLS) }).waitFor();
    await page.getByLabel("Sort").selectOption("trouble");
    const first = page.locator("table.live tbody tr").first();
    await first.getByText("tool failed 4×").waitFor();
    expect(await first.locator("a").getAttribute("href")).toBe(`#/calls/${call.sid}`);
    await first.locator("a").click();

    await page.getByRole("button", { name: "Listen" }).click();
    await page.locator(".tag.good", { hasText: "listening" }).waitFor();
    // Each sample at the browser's output, in order: what the caller heard, and what they said. A
    // page that a busy machine stops for a second and a half skips audio: then once more.
    const isPlayed = async (side: 0 | 1, audio: Uint8Array) =>
      (await played(page, side)).join().includes(decoded(audio).join());
    const answers = () =>
      stage
        .record(call.sid)
        .turns.filter((turn) => turn.text === ANSWER.text && turn.heardMs === 1_500);
    let isExact = false;
    for (let n = 1; n <= 3 && !isExact; n++) {
      await call.say(QUESTION);
      await expect.poll(() => answers().length, PATIENCE).toBe(n);
      isExact = await expect
        .poll(() => isPlayed(1, ANSWER.audio), { timeout: 5_000 })
        .toBe(true)
        .then(
          () => true,
          () => false,
        );
    }
    expect(isExact).toBe(true);
    expect(await isPlayed(0, QUESTION)).toBe(true);
    expect(playedAudio(stream).includes(Buffer.from(ANSWER.audio))).toBe(true);

    await page.getByRole("button", { name: "Note …" }).click();
    await page.getByLabel("Note", { exact: true }).fill(NOTE);
    await page.getByRole("button", { name: "Send note" }).click();
    await page.getByText("The model was told.").waitFor();
    await call.say(QUESTION);
    await expect.poll(() => heard(NOTED.audio), PATIENCE).toBe(400);
    await page.locator(".turn.agent", { hasText: NOTED.text }).waitFor();
    // Nothing is left at the phone that the take-over would cut.
    const noted = () => stage.record(call.sid).turns.find(({ text }) => text === NOTED.text);
    await expect.poll(() => noted()?.heardMs, PATIENCE).toBe(400);

    const before = playedAudio(stream).length;
    await page.getByRole("button", { name: "Take over" }).click();
    await page.getByText("the caller hears you").waitFor();
    const voice = () => playedAudio(stream).subarray(before);
    // Chromium's microphone beeps once a second.
    await expect.poll(() => voice().length, PATIENCE).toBeGreaterThan(16_000);
    await page.getByLabel("Note for the agent").fill(HANDED_BACK);
    await page.getByRole("button", { name: "Hand back" }).click();
    await expect.poll(() => heard(BACK.audio), PATIENCE).toBe(300);
    const words = Buffer.from(voice());
    const microphone = words.subarray(0, words.indexOf(Buffer.from(BACK.audio.subarray(0, 160))));
    const frames = Array.from({ length: microphone.length / 160 }, (_, n) =>
      microphone.subarray(n * 160, (n + 1) * 160),
    );
    expect(frames.length).toBeGreaterThan(90);
    expect(Math.max(...decoded(microphone).map(Math.abs))).toBeGreaterThan(2_000);
    expect(areInOrder(frames, await spoken(page))).toBe(true);
    await page.locator(".turn.agent", { hasText: BACK.text }).waitFor();

    await page.getByRole("button", { name: "Transfer …" }).click();
    await page.getByRole("button", { name: /^Transfer to / }).click();
    await Promise.all([
      call.events.until("dial_bridged", {}, PATIENCE_MS),
      viewerCannot(calls[TROUBLED + 2]!.sid),
    ]);

    const other = calls[TROUBLED + 1]!;
    await page.goto(`http://127.0.0.1:${stage.adminPort}/console#/calls/${other.sid}`);
    await page.getByRole("button", { name: "End call …" }).click();
    await page.getByRole("button", { name: "End call", exact: true }).click();
    await other.ended;
    expect(complaints(/ScriptProcessorNode|status of 401/)).toEqual([]);
    await close();
    const audit = await fetch(`http://127.0.0.1:${stage.adminPort}/api/audit?callSid=${call.sid}`, {
      headers: { authorization: `Bearer ${tokenOf("supervisor")}` },
    });
    expect(audit.status).toBe(403);

    for (const one of calls) if (!one.over) one.hangUp();
  });

  async function viewerCannot(callSid: string): Promise<void> {
    const { page, close } = await signIn("viewer");
    await page.goto(`http://127.0.0.1:${stage.adminPort}/console#/calls/${callSid}`);
    await page.locator(".turn.agent", { hasText: HELLO.text }).waitFor();
    const buttons = /Listen|Take over|Hand back|Note|Say|Transfer|End call/;
    expect(await page.getByRole("button", { name: buttons }).count()).toBe(0);
    // Nor by its session, without the buttons.
    const answers = await page.evaluate<number[]>(`Promise.all([
      ...["note", "say", "take-over", "hand-back", "transfer", "end"].map((act) =>
        fetch("../api/calls/${callSid}/" + act, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify({ text: "x", listener: 1, destination: "desk" }),
        }),
      ),
      fetch("../api/calls/${callSid}/listen"),
    ]).then((answers) => answers.map(({ status }) => status))`);
    expect(answers).toEqual(Array(7).fill(403));
    const opened = await page.evaluate<string>(`new Promise((resolve) => {
      const socket = new WebSocket(new URL("../api/calls/${callSid}/listen", location.href).href.replace(/^http/, "ws"));
      socket.onopen = () => resolve("open");
      socket.onerror = () => resolve("refused");
    })`);
    expect(opened).toBe("refused");
    await close();
  }
});
