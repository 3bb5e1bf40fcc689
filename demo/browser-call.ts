/** Calls that a browser places through the demo's softphone. */
import type { Party } from "../sim/twilio/party.js";
import type { SimulatedTwilio } from "../sim/twilio.js";
import { Softphone, type SoftphoneLines, type SoftphoneParts } from "./softphone.js";

/** The number of the scripted call, and that of the agent for the browser: see agents.yaml. */
const SCRIPTED_NUMBER = "+15550001111";
const BROWSER_NUMBER = "+15550002222";
export const NUMBERS: readonly string[] = [SCRIPTED_NUMBER, BROWSER_NUMBER];
const BROWSER_CALLER = "+15550100002";

/** Listens to the whisper and presses 1. In the scripted call, the talk is short. */
export function transferTarget(_to: string, from: string): Party {
  return { afterMs: 400, keys: () => "1", talkMs: from === BROWSER_CALLER ? 10_000 : 1_500 };
}

export interface RunningPhone {
  /** `ws://127.0.0.1:…`, a secret in its path. */
  readonly address: string;
  close(): void;
}

export interface SoftphoneSetUp extends Pick<SoftphoneParts, "say" | "setup"> {
  readonly twilio: Pick<SimulatedTwilio, "placeCall">;
  readonly lines: SoftphoneLines;
  readonly adminPort: number;
  /** The number that the browser calls. Default that of the demo's own agent. */
  readonly to?: string | undefined;
  /** The number for a choice of the user's, where there is one. Default: `to`. */
  readonly numberFor?: (agent: string | null, number: string | null) => string | null;
}

export async function startSoftphone(setUp: SoftphoneSetUp): Promise<RunningPhone> {
  const { twilio, lines, adminPort, to = BROWSER_NUMBER, numberFor, say, setup } = setUp;
  const softphone = new Softphone({
    lines,
    place: ({ agent, number, ...call }) =>
      twilio.placeCall({ ...call, from: BROWSER_CALLER, to: numberFor?.(agent, number) ?? to }),
    ...(say === undefined ? {} : { say }),
    ...(setup === undefined ? {} : { setup }),
    origins: [`http://127.0.0.1:${adminPort}`, `http://localhost:${adminPort}`],
  });
  return { address: await softphone.listen(), close: () => softphone.close() };
}

/** The console's address, with the phone's behind "#": a browser sends that part to no server. */
export function consoleAddress(adminPort: number, phone: string): string {
  return `http://127.0.0.1:${adminPort}/console#phone=${phone}`;
}
