/** `murelay demo --live`: the demo's relay and simulated Twilio around OpenAI's real model, to be talked to by the browser. */
import { startTwilio } from "../sim/twilio.js";
import { consoleAddress, NUMBERS, startSoftphone, transferTarget } from "./browser-call.js";
import { PUBLIC_URL, startRelay } from "./relay.js";
import { SoftphoneLines } from "./softphone.js";
import { Timeline } from "./timeline.js";

export interface LiveModel {
  readonly apiKey: string;
  readonly url: string;
  /** OPENAI_REALTIME_MODEL, where it is set. */
  readonly settings: Readonly<Record<string, string>>;
}

/** @returns what of the environment the demo takes; null: there is no key. */
export function liveModel(env: Readonly<Record<string, string | undefined>>): LiveModel | null {
  const apiKey = env["OPENAI_API_KEY"] ?? "";
  if (apiKey === "") return null;
  const model = env["OPENAI_REALTIME_MODEL"] ?? "";
  return {
    apiKey,
    url: env["OPENAI_REALTIME_URL"] || "wss://api.openai.com/v1/realtime",
    settings: model === "" ? {} : { OPENAI_REALTIME_MODEL: model },
  };
}

/** Stays up until Ctrl-C. @returns the exit status: 2 without a key. */
export async function runLiveDemo(
  env: Readonly<Record<string, string | undefined>>,
  print: (line: string) => void,
): Promise<number> {
  const model = liveModel(env);
  if (model === null) {
    print("murelay demo --live talks to OpenAI's model and needs its key: set OPENAI_API_KEY");
    return 2;
  }
  const lines = new SoftphoneLines();
  const twilio = await startTwilio({
    publicUrl: PUBLIC_URL,
    numbers: NUMBERS,
    callees: transferTarget,
    hooks: lines.hooks,
  });
  const { app, adminPort } = await startRelay(
    model,
    twilio,
    new Timeline(print),
    "./agents.yaml",
    model.settings,
  );
  const phone = await startSoftphone({ twilio, lines, adminPort });
  print(
    `murelay demo, with OpenAI's model: it is paid for by the key's owner. Talk to the agent here:\n\n  ${consoleAddress(adminPort, phone.address)}\n\nCtrl-C ends`,
  );
  await new Promise<void>((resolve) => process.once("SIGINT", resolve));
  phone.close();
  await twilio.close();
  await app.stop();
  return 0;
}
