/** Callers who call one after the other, for tests that need a relay with traffic. */
import { silence, speechLike } from "../../sim/audio/synth.js";
import type { Script, TurnContext } from "../../sim/model/script.js";
import { heardMs } from "../../sim/twilio/heard.js";
import type { SimulatedTwilio } from "../../sim/twilio.js";

const GREETING = { text: "Hello.", audio: speechLike(300, 1) };
const ANSWER = { text: "It left yesterday.", audio: speechLike(300, 2) };
const LONG = { text: "Let me tell you all of it.", audio: speechLike(6_000, 3) };
const QUESTION = speechLike(400, 4);

/** A greeting; a tool and its answer; a long answer; an answer. */
export function busyScript(): Script {
  let asked = 0;
  return {
    turns: ({ index, cause }: TurnContext) => {
      if (index === 0) return { say: GREETING };
      if (cause !== "vad") return { say: ANSWER };
      asked++;
      if (asked === 1) return { calls: [{ name: "lookup_order", arguments: { query: "4217" } }] };
      return { say: asked === 2 ? LONG : ANSWER };
    },
  };
}

/** One call: two questions, an interruption, then a person or a hang-up. False: it was cut short. */
export async function wholeCall(twilio: SimulatedTwilio, ending: "person" | "hang up") {
  const leg = twilio.placeCall();
  const over = leg.ended.then(() => true);
  const heard = async (audio: Uint8Array, ms: number): Promise<boolean> => {
    while (!leg.over) {
      if (leg.stream !== null && (heardMs(leg.stream, audio) ?? 0) >= ms) return true;
      await new Promise((done) => setTimeout(done, 20));
    }
    return false;
  };
  const ask = async (answer: Uint8Array): Promise<boolean> => {
    await Promise.race([leg.say(QUESTION), over]);
    return heard(answer, 280);
  };
  const whole =
    (await heard(GREETING.audio, 280)) && (await ask(ANSWER.audio)) && (await ask(LONG.audio));
  if (whole) {
    await Promise.race([leg.say(QUESTION), over]);
    await Promise.race([leg.say(silence(1_200)), over]);
  }
  if (ending === "person") void leg.press("0");
  else leg.hangUp();
  await over;
  return whole;
}

/** So many callers at a time, each of whom calls again and again, until it is time to stop. */
export async function keepBusy(
  twilio: SimulatedTwilio,
  options: { readonly callers: number; readonly ms: number },
): Promise<number> {
  const endMs = performance.now() + options.ms;
  let calls = 0;
  const caller = async (n: number): Promise<void> => {
    for (let call = n; performance.now() < endMs; call++) {
      await wholeCall(twilio, call % 2 === 0 ? "person" : "hang up");
      calls++;
    }
  };
  await Promise.all(Array.from({ length: options.callers }, (_, n) => caller(n)));
  return calls;
}
