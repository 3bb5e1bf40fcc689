/** `<Connect><Stream>`: opens the socket, waits for its end, goes on with `action`. */
import { MediaStream } from "./media-stream.js";
import { actionOf, NEXT_VERB, type Next, STOPPED, type VerbContext } from "./program.js";
import type { XmlElement } from "./xml.js";

const HANDSHAKE_MS = 5000;

export async function connectStream(verb: XmlElement, context: VerbContext): Promise<Next> {
  const { twilio, leg, signal } = context;
  const stream = verb.children.find((child) => child.name === "Stream");
  if (stream === undefined) return NEXT_VERB;
  const url = stream.attributes["url"] ?? "";
  const innerUrl = twilio.web.inner(url);
  const streamSid = twilio.sid("MZ");
  const parameters: Record<string, string> = {};
  for (const child of stream.children)
    if (child.name === "Parameter")
      parameters[child.attributes["name"] ?? ""] = child.attributes["value"] ?? "";
  const tell = (event: string, error = "") => {
    const callback = stream.attributes["statusCallback"];
    if (callback === undefined) return;
    twilio.callback(
      leg,
      callback,
      {
        AccountSid: twilio.accountSid,
        CallSid: leg.sid,
        StreamSid: streamSid,
        StreamName: stream.attributes["name"] ?? streamSid,
        StreamEvent: event,
        ...(error === "" ? {} : { StreamError: error }),
        Timestamp: new Date().toISOString(),
      },
      event,
    );
  };
  leg.events.add("stream_connecting", { url, streamSid });
  if (innerUrl === null) {
    leg.violation(`<Stream url="${url}"> is nobody's address`);
    leg.events.add("stream_refused", { error: 31902, status: null });
    return actionOf(verb, {});
  }
  const end = await new Promise<"closed" | "refused" | "stopped">((resolve) => {
    const media = new MediaStream(
      {
        url,
        innerUrl,
        headers: {
          host: new URL(url).host,
          "user-agent": "Twilio.TmeWs/1.0",
          ...twilio.upgradeHeaders(leg, url, innerUrl),
        },
        streamSid,
        callSid: leg.sid,
        accountSid: twilio.accountSid,
        parameters,
      },
      {
        clock: twilio.clock,
        pacer: twilio.pacer,
        voice: leg.voice,
        keepAudio: twilio.keepAudio,
        checkIdentity: twilio.checkIdentity,
        quirks: leg.fields.quirks ?? {},
        handshakeMs: HANDSHAKE_MS,
        hooks: twilio.streamHooks,
      },
      {
        started: () => {
          leg.events.add("stream_started", { streamSid });
          leg.setBridgedWith("stream");
          tell("stream-started");
        },
        refused: (error, status, message) => {
          leg.events.add("stream_refused", { error, status });
          tell("stream-error", `${error} ${message}`);
          resolve("refused");
        },
        mark: () => {},
        cleared: (droppedMs) => leg.events.add("clear", { droppedMs }),
        firstMedia: () => leg.events.add("first_media", {}),
        violation: (text) => leg.violation(text),
        closed: (by, code, reason) => {
          leg.events.add("stream_closed", { by, code, reason, streamSid });
          tell("stream-stopped");
          resolve("closed");
        },
      },
    );
    leg.streams.push(media);
    signal.addEventListener(
      "abort",
      () => {
        media.stop();
        resolve("stopped");
      },
      { once: true },
    );
  });
  if (end !== "stopped") {
    leg.setBridgedWith(null);
    return actionOf(verb, {});
  }
  // The caller is gone, not moved: Twilio asks all the same, and nobody hears the answer.
  const action = verb.attributes["action"];
  if (leg.over && twilio.actionAfterHangUp && action !== undefined)
    twilio.callback(leg, action, leg.form(), "action after hang-up");
  return STOPPED;
}
