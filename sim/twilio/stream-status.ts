/** The status callback of a media stream, of TwiML or of REST. */
import type { CallLeg } from "./call-leg.js";
import type { TwilioContext } from "./context.js";
import type { Method } from "./web.js";

export type StreamStatusEvent = "stream-started" | "stream-stopped" | "stream-error";

export interface StreamStatusTarget {
  /** Undefined: no callbacks are wanted. */
  readonly url: string | undefined;
  readonly method: Method | undefined;
  readonly streamSid: string;
  /** Undefined: the stream has no name, and is told of by its SID. */
  readonly name: string | undefined;
}

export function tellStreamStatus(
  twilio: TwilioContext,
  leg: CallLeg,
  { url, method, streamSid, name }: StreamStatusTarget,
  event: StreamStatusEvent,
  error = "",
): void {
  if (url === undefined) return;
  twilio.callback(
    leg,
    url,
    {
      AccountSid: twilio.accountSid,
      CallSid: leg.sid,
      StreamSid: streamSid,
      StreamName: name ?? streamSid,
      StreamEvent: event,
      ...(error === "" ? {} : { StreamError: error }),
      Timestamp: new Date().toISOString(),
    },
    event,
    method,
  );
}
