/** What a demo that stays up has for whoever talks to it by a browser. */
import type { Party } from "../sim/twilio/party.js";
import type { SimulatedTwilio } from "../sim/twilio.js";
import { Softphone, type SoftphoneLines } from "./softphone.js";

/** That of the play, and that of the agent who talks by the browser: see agents.yaml. */
const PLAY_NUMBER = "+15550001111";
const WALK_IN_NUMBER = "+15550002222";
export const NUMBERS: readonly string[] = [PLAY_NUMBER, WALK_IN_NUMBER];
const WALK_IN_CALLER = "+15550100002";

/** Somebody who is brought in listens to the briefing and presses 1. In the play they do not talk for long. */
export function transferTarget(_to: string, from: string): Party {
  return { afterMs: 400, keys: () => "1", talkMs: from === WALK_IN_CALLER ? 10_000 : 1_500 };
}

export interface RunningPhone {
  /** `ws://127.0.0.1:…`, a secret in its path. */
  readonly address: string;
  close(): void;
}

export async function startSoftphone(stage: {
  readonly twilio: Pick<SimulatedTwilio, "placeCall">;
  readonly lines: SoftphoneLines;
  readonly adminPort: number;
}): Promise<RunningPhone> {
  const { twilio, lines, adminPort } = stage;
  const softphone = new Softphone({
    lines: lines,
    place: (call) => twilio.placeCall({ ...call, from: WALK_IN_CALLER, to: WALK_IN_NUMBER }),
    origins: [`http://127.0.0.1:${adminPort}`, `http://localhost:${adminPort}`],
  });
  return { address: await softphone.listen(), close: () => softphone.close() };
}

/** The console that knows where the phone is. What stands behind "#" is never sent to a server. */
export function consoleAddress(adminPort: number, phone: string): string {
  return `http://127.0.0.1:${adminPort}/console#phone=${phone}`;
}
