/** `<Gather>`: prompts, then keys. */
import {
  actionOf,
  NEXT_VERB,
  type Next,
  PLAY_MS,
  STOPPED,
  sayMs,
  type VerbContext,
} from "./verb-context.js";
import type { XmlElement } from "./xml.js";

export async function gather(verb: XmlElement, context: VerbContext): Promise<Next> {
  const { leg, signal } = context;
  const most = Number(verb.attributes["numDigits"] ?? Number.POSITIVE_INFINITY);
  const finish = verb.attributes["finishOnKey"] ?? "#";
  const timeoutMs = Number(verb.attributes["timeout"] ?? 5) * 1000;
  let digits = "";
  let begun: () => void = () => {};
  let full: () => void = () => {};
  const firstKey = new Promise<void>((resolve) => {
    begun = resolve;
  });
  const enough = new Promise<void>((resolve) => {
    full = resolve;
  });
  context.listen((key) => {
    begun();
    if (key === finish) full();
    else {
      digits += key;
      if (digits.length >= most) full();
    }
  });
  const prompt = verb.children
    .filter((child) => child.name === "Say")
    .map((child) => child.text)
    .join(" ");
  leg.events.add("gather", { prompt });
  const keys = leg.party.keys?.(prompt) ?? null;
  if (keys !== null) pressLater(keys, context);
  // A key ends the prompt.
  for (const child of verb.children) {
    if (child.name === "Say") leg.events.add("say", { text: child.text, language: "" });
    const ms = child.name === "Say" ? sayMs(child.text) : PLAY_MS;
    await Promise.race([
      child.name === "Pause" ? context.wait(ms) : context.sounding("say", ms),
      firstKey,
    ]);
  }
  await Promise.race([context.wait(timeoutMs), enough]);
  context.listen(null);
  if (signal.aborted) return STOPPED;
  if (digits === "" && verb.attributes["actionOnEmptyResult"] !== "true") return NEXT_VERB;
  return actionOf(verb, { Digits: digits, FinishedOnKey: "" });
}

function pressLater(keys: string, { twilio, leg, signal }: VerbContext): void {
  const { keysAfterMs = 0 } = leg.party;
  if (keysAfterMs === 0) void leg.press(keys);
  else
    twilio.clock.after(keysAfterMs, () => {
      if (!signal.aborted) void leg.press(keys);
    });
}
