import { RelayError } from "../../domain/errors.js";
import type { SipControl } from "../../ports/model-rest.js";

export interface OpenAiCallsOptions {
  /** As OPENAI_BASE_URL. */
  readonly baseUrl: string;
  readonly apiKey: string;
}

/** A caller hears ringing meanwhile; what takes longer is tried again. */
const TIMEOUT_MS = 3_000;

/** OpenAI's REST for calls that came by SIP. Source: OpenAI Realtime API reference, calls. */
export function createOpenAiCalls({ baseUrl, apiKey }: OpenAiCallsOptions): SipControl {
  const post = async (callId: string, what: string, body: object | null): Promise<void> => {
    const url = `${baseUrl}/realtime/calls/${encodeURIComponent(callId)}/${what}`;
    let response: Response;
    try {
      response = await fetch(url, {
        method: "POST",
        redirect: "error",
        signal: AbortSignal.timeout(TIMEOUT_MS),
        headers: {
          Authorization: `Bearer ${apiKey}`,
          ...(body === null ? {} : { "Content-Type": "application/json" }),
        },
        ...(body === null ? {} : { body: JSON.stringify(body) }),
      });
      // The answer says nothing of use, but what is not read keeps its connection.
      await response.arrayBuffer();
    } catch (cause) {
      const late = cause instanceof DOMException && cause.name === "TimeoutError";
      throw new RelayError(
        late ? "upstream_timeout" : "upstream_unreachable",
        `calls.${what}: ${late ? `no answer within ${TIMEOUT_MS} ms` : "no connection"}`,
        { retryable: true, cause },
      );
    }
    if (!response.ok) throw refusal(what, response.status);
  };
  return {
    accept: (callId, session) => post(callId, "accept", session),
    reject: (callId, status) => post(callId, "reject", { status_code: status }),
    refer: (callId, targetUri) => post(callId, "refer", { target_uri: targetUri }),
    hangUp: (callId) => post(callId, "hangup", null),
  };
}

function refusal(what: string, status: number): RelayError {
  const told = `calls.${what}: answered ${status}`;
  if (status === 404) return new RelayError("caller_gone", told);
  if (status === 401 || status === 403) return new RelayError("upstream_account", told);
  if (status === 429 || status >= 500)
    return new RelayError("upstream_refused", told, { retryable: true });
  return new RelayError("upstream_rejected", told);
}
