import { createHash, randomBytes } from "node:crypto";
import type { CallSid } from "../../domain/ids.js";
import type { SpanIds } from "../../records/call-spans.js";

const SAMPLED = "01";
const NOT_SAMPLED = "00";

/**
 * Ids of traces and spans. A call's trace has the same id in every process, and is found from its
 * CallSid: the first 32 hexadecimal digits of the SHA-256 of `murelay:` and the CallSid. The next
 * 16 are the root span's.
 */
export class TraceIds implements SpanIds {
  readonly #ratio: number;

  /** @param ratio  the share of calls that are traced, 0 to 1. */
  constructor(ratio: number) {
    this.#ratio = ratio;
  }

  of(callSid: CallSid): { readonly traceId: string; readonly rootId: string } {
    const digits = createHash("sha256").update(`murelay:${callSid}`).digest("hex");
    return { traceId: digits.slice(0, 32), rootId: digits.slice(32, 48) };
  }

  next(): string {
    return randomBytes(8).toString("hex");
  }

  /** The same answer in every process that has the same ratio. */
  isSampled(callSid: CallSid): boolean {
    const share = Number.parseInt(this.of(callSid).traceId.slice(0, 8), 16) / 2 ** 32;
    return share < this.#ratio;
  }

  /**
   * The header that continues a call's trace elsewhere.
   *
   * Source: W3C Trace Context, section 3.2.
   */
  traceparent(callSid: CallSid): string {
    const { traceId, rootId } = this.of(callSid);
    return `00-${traceId}-${rootId}-${this.isSampled(callSid) ? SAMPLED : NOT_SAMPLED}`;
  }
}
