/**
 * How late an operator hears a caller in the console: from the instant at which a frame leaves the
 * phone to the instant at which its first sample leaves the AudioWorklet of the page, in Chromium.
 * What the sound card adds is not measured. Each frame carries its number as sound.
 *
 *   node --import tsx bench/listening/main.ts --seconds 30
 *
 * Phone, model and relay are one process on this machine, without a network in between.
 */
import { loadavg } from "node:os";
import { parseArgs } from "node:util";
import { speechLike } from "../../sim/audio/synth.js";
import { ulawToLinear } from "../../src/codec/ulaw.js";
import { launchChromium } from "../../test/fakes/chromium.js";
import { NumberedVoice, numbersOut, openCounting } from "../../test/fakes/listening-tap.js";
import { startStage } from "../../test/fakes/stage.js";
import { delaysOf, quantile } from "./delays.js";

const LIMIT_MS = 300;
const MAX_SECONDS = 600;

const { values } = parseArgs({ options: { seconds: { type: "string", default: "30" } } });
const seconds = Number(values.seconds);
if (!Number.isInteger(seconds) || seconds < 1 || seconds > MAX_SECONDS)
  throw new Error(`--seconds is a number from 1 to ${MAX_SECONDS}`);

const hello = { text: "Hello.", audio: speechLike(400, 1) };
const stage = await startStage({ turns: [{ say: hello }] }, { twilio: { speed: 1 } });
const browser = await launchChromium(["--autoplay-policy=no-user-gesture-required"]);
try {
  const voice = new NumberedVoice();
  const call = stage.twilio.placeCall({ voice });
  await stage.until(call.sid, "agent_heard");
  const { page } = await openCounting(browser, ulawToLinear);
  await page.goto(`http://127.0.0.1:${stage.adminPort}/console#/calls/${call.sid}`);
  await page.getByRole("button", { name: "Listen" }).click();
  await page.locator(".tag.good", { hasText: "listening" }).waitFor();
  await new Promise((resolve) => setTimeout(resolve, seconds * 1_000));
  const delays = delaysOf(await numbersOut(page), voice.leftMs);
  call.hangUp();
  if (delays.length === 0) throw new Error("nothing was heard");
  const [median, p95, p99] = [0.5, 0.95, 0.99].map((share) => quantile(delays, share));
  const late = delays.filter((ms) => ms > LIMIT_MS).length;
  console.log(`${delays.length} frames of a caller, from the phone to the AudioWorklet's output`);
  console.log(`median ${median} ms, p95 ${p95} ms, p99 ${p99} ms, most ${Math.max(...delays)} ms`);
  console.log(`${late} over ${LIMIT_MS} ms; load average ${loadavg()[0]?.toFixed(1)}`);
  process.exitCode = p95! <= LIMIT_MS ? 0 : 1;
} finally {
  await browser.close();
  await stage.close();
}
