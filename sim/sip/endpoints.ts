/**
 * A SIP call between two simulators in one process: what an INVITE says, and what either side may
 * do to the other. The carrier is a simulated Twilio or trunk; the callee is the simulated model.
 */

export interface SipHeader {
  readonly name: string;
  readonly value: string;
}

export interface Invite {
  /** As dialled, without the header part: "sip:proj_1@sip.api.openai.com;transport=tls". */
  readonly uri: string;
  /** In their order, repeats kept. */
  readonly headers: readonly SipHeader[];
}

/** What the callee may do to the carrier's leg. */
export interface SipCarrier {
  /** 200 OK. */
  answered(): void;
  /** A final status: 486 busy, 603 declined, 480 not answered, …. */
  refused(status: number): void;
  /** BYE. */
  ended(): void;
  /**
   * REFER. "accepted": the carrier takes the call elsewhere and hangs this leg up. "refused": it
   * takes none. "ignored": it agrees, and nothing happens.
   */
  refer(target: string): "accepted" | "refused" | "ignored";
  /** The called party begins or stops to speak. */
  speaking(on: boolean): void;
}

/** What the carrier may do to the callee. */
export interface SipCallee {
  /** The caller goes: CANCEL before the answer, BYE after it. Idempotent. */
  bye(): void;
  /** 160 bytes of mu-law, 20 ms of what the others in the call say; valid only until it returns. */
  audio(frame: Uint8Array): void;
  key(digit: string): void;
  /** Writes the next 20 ms of what the called party says, silence included. */
  speech(frame: Uint8Array): void;
}

export type SipEndpoint = (invite: Invite, carrier: SipCarrier) => SipCallee;

/** The parts of a SIP URI with headers: `sip:user@host;param?X-A=1&X-B=2`. Null: it is none. */
export function readSipUri(
  text: string,
): { readonly uri: string; readonly host: string; readonly headers: readonly SipHeader[] } | null {
  const match = /^(sips?:[^@\s]+@([^;?\s:]+)[^?\s]*)(?:\?(\S*))?$/.exec(text);
  if (match === null) return null;
  const headers = (match[3] ?? "")
    .split("&")
    .filter((pair) => pair !== "")
    .map((pair) => {
      const [name = "", ...value] = pair.split("=");
      return { name: decodeURIComponent(name), value: decodeURIComponent(value.join("=")) };
    });
  return { uri: match[1]!, host: match[2]!, headers };
}
