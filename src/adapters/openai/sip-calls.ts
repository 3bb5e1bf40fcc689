/** OpenAI's REST for calls that came by SIP. Source: OpenAI Realtime API reference, calls. */
import { RefusedError, RelayError } from "../../domain/errors.js";
import type { SipControl } from "../../ports/model-rest.js";
import { Fields } from "../../wire/fields.js";
import { readFault, type ServerFault } from "../../wire/realtime-objects.js";
import { requestText, type TextReply } from "../network/http-request.js";
import { Network } from "../network/network.js";
import { authHeaders } from "./auth.js";

export interface OpenAiCallsOptions {
  /** As OPENAI_BASE_URL. */
  readonly baseUrl: string;
  readonly apiKey: string;
  /** Default: direct connections. */
  readonly network?: Network;
}

/** A caller hears ringing meanwhile; what takes longer is tried again. */
const TIMEOUT_MS = 3_000;
/** The answer's text is not used. */
const MAX_ANSWER_BYTES = 1024 * 1024;

export function createOpenAiCalls(options: OpenAiCallsOptions): SipControl {
  const { baseUrl, apiKey, network = new Network() } = options;
  const agents = network.agents();
  const post = async (callId: string, action: string, body: object | null): Promise<void> => {
    const url = new URL(`${baseUrl}/realtime/calls/${encodeURIComponent(callId)}/${action}`);
    let reply: TextReply;
    try {
      reply = await requestText(
        {
          method: "POST",
          url,
          headers: {
            ...authHeaders(url.hostname, apiKey),
            ...(body === null ? {} : { "Content-Type": "application/json" }),
          },
          // Without a body there is still a length to declare.
          body: body === null ? "" : JSON.stringify(body),
          timeoutMs: TIMEOUT_MS,
          maxBytes: MAX_ANSWER_BYTES,
        },
        agents,
      );
    } catch (cause) {
      const isLate = cause instanceof DOMException && cause.name === "TimeoutError";
      throw new RelayError(
        isLate ? "upstream_timeout" : "upstream_unreachable",
        `calls.${action}: ${isLate ? `no answer within ${TIMEOUT_MS} ms` : "no connection"}`,
        { retryable: true, cause },
      );
    }
    if (reply.status < 200 || reply.status >= 300) throw refusal(action, reply);
  };
  return {
    accept: (callId, session) => post(callId, "accept", session),
    reject: (callId, status) => post(callId, "reject", { status_code: status }),
    refer: (callId, targetUri) => post(callId, "refer", { target_uri: targetUri }),
    hangUp: (callId) => post(callId, "hangup", null),
  };
}

function refusal(action: string, { status, body }: TextReply): RelayError {
  const text = `calls.${action}: answered ${status}`;
  if (status === 404) return new RelayError("caller_gone", text);
  if (status === 401 || status === 403) return new RelayError("upstream_account", text);
  // A redirect leads to another host; the key is not sent there.
  if (status >= 300 && status < 400)
    return new RelayError("upstream_unreachable", text, { retryable: true });
  if (status === 429 || status >= 500)
    return new RelayError("upstream_refused", text, { retryable: true });
  const fault = faultIn(body);
  if (fault === null) return new RelayError("upstream_rejected", text);
  return new RefusedError("upstream_rejected", text, { param: fault.param, said: fault.message });
}

/** The `error` of an answer; null when it has none. */
function faultIn(body: string): ServerFault | null {
  try {
    return readFault(Fields.parse(Buffer.from(body), MAX_ANSWER_BYTES, "openai").object("error"));
  } catch {
    // An answer of a proxy in between. The status says enough.
    return null;
  }
}
