/** `<Connect><Stream>`: opens the socket, waits for its end, goes on with `action`. */
import {
  MediaStream,
  type StreamEvents,
  type StreamFields,
  type StreamHooks,
} from "./media-stream.js";
import {
  type StreamStatusEvent,
  type StreamStatusTarget,
  tellStreamStatus,
} from "./stream-status.js";
import {
  actionOf,
  methodOf,
  NEXT_VERB,
  type Next,
  STOPPED,
  type VerbContext,
} from "./verb-context.js";
import type { XmlElement } from "./xml.js";

const HANDSHAKE_MS = 5000;
/** First timestamps of live captures. */
const FIRST_TIMESTAMPS_MS = [155, 171] as const;

type StreamEnd = "closed" | "refused" | "stopped";

export async function connectStream(verb: XmlElement, context: VerbContext): Promise<Next> {
  const { twilio, leg } = context;
  const noun = verb.children.find((child) => child.name === "Stream");
  if (noun === undefined) return NEXT_VERB;
  const url = noun.attributes["url"] ?? "";
  const innerUrl = twilio.web.inner(url);
  const streamSid = twilio.sid("MZ");
  leg.events.add("stream_connecting", { url, streamSid });
  if (innerUrl === null) {
    leg.violation(`<Stream url="${url}"> is an unknown address`);
    leg.events.add("stream_refused", { error: 31902, status: null });
    return actionOf(verb, {});
  }
  const parameters: Record<string, string> = {};
  for (const child of noun.children)
    if (child.name === "Parameter")
      parameters[child.attributes["name"] ?? ""] = child.attributes["value"] ?? "";
  const headers = {
    host: new URL(url).host,
    "user-agent": "Twilio.TmeWs/1.0",
    ...twilio.upgradeHeaders(leg, url, innerUrl),
  };
  const { accountSid } = twilio;
  const told: StreamStatusTarget = {
    url: noun.attributes["statusCallback"],
    method: methodOf(noun, "statusCallbackMethod").method,
    streamSid,
    name: noun.attributes["name"],
  };
  const end = await runStream(
    { url, innerUrl, headers, streamSid, callSid: leg.sid, accountSid, parameters },
    (event, error) => tellStreamStatus(twilio, leg, told, event, error),
    context,
  );
  if (end !== "stopped") {
    leg.setBridgedWith(null);
    return actionOf(verb, {});
  }
  // The caller is gone, not moved: Twilio still requests `action`, and ignores the answer.
  const action = verb.attributes["action"];
  if (leg.over && twilio.actionAfterHangUp && action !== undefined)
    twilio.callback(leg, action, leg.form(), "action after hang-up", methodOf(verb).method);
  return STOPPED;
}

function runStream(
  fields: StreamFields,
  tell: (event: StreamStatusEvent, error?: string) => void,
  context: VerbContext,
): Promise<StreamEnd> {
  const { twilio, leg, signal } = context;
  return new Promise((resolve) => {
    const media = new MediaStream(
      fields,
      {
        clock: twilio.clock,
        pacer: twilio.pacer,
        voice: leg.voice,
        keepAudio: twilio.keepAudio,
        checkIdentity: twilio.checkIdentity,
        quirks: leg.fields.quirks ?? {},
        network: leg.fields.network ?? twilio.network,
        firstTimestampMs: FIRST_TIMESTAMPS_MS[twilio.legs.length % 2]!,
        handshakeMs: HANDSHAKE_MS,
        hooks: hooksOf(context),
      },
      streamEvents(fields.streamSid, tell, context, resolve),
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
}

/** An App's leg passes on what is played to it. */
function hooksOf({ twilio, leg }: VerbContext): StreamHooks {
  const { played, cleared } = leg.party;
  if (played === undefined) return twilio.streamHooks;
  return { onMedia: (_stream, audio) => played(audio), onClear: () => cleared?.() };
}

function streamEvents(
  streamSid: string,
  tell: (event: StreamStatusEvent, error?: string) => void,
  { leg }: VerbContext,
  end: (how: StreamEnd) => void,
): StreamEvents {
  return {
    started: () => {
      leg.events.add("stream_started", { streamSid });
      leg.setBridgedWith("stream");
      tell("stream-started");
    },
    refused: (error, status, message) => {
      leg.events.add("stream_refused", { error, status });
      tell("stream-error", `${error} ${message}`);
      end("refused");
    },
    cleared: (droppedMs) => leg.events.add("clear", { droppedMs }),
    firstMedia: () => leg.events.add("first_media", {}),
    violation: (text) => leg.violation(text),
    closed: (by, code, reason) => {
      leg.events.add("stream_closed", { by, code, reason, streamSid });
      tell("stream-stopped");
      end("closed");
    },
  };
}
