import type { RealtimeSession } from "../../wire/realtime-client.js";
import type { SessionProfile } from "../model/model-session.js";
import { sessionConfig } from "../model/openai-realtime/session-config.js";

/**
 * The body of `accept`: the configuration of a session without what `accept` does not take. Audio
 * formats are negotiated by SIP, and `threshold`, `prefix_padding_ms` and `silence_duration_ms` are
 * refused. Source: OpenAI, Realtime over SIP.
 */
export function acceptedSession(profile: SessionProfile): RealtimeSession {
  const { audio, ...rest } = sessionConfig(profile);
  const { turnDetection } = profile;
  const { createResponse, interruptResponse } = turnDetection;
  const turns = { create_response: createResponse, interrupt_response: interruptResponse };
  return {
    ...rest,
    model: profile.model,
    audio: {
      input: {
        ...(audio?.input?.noise_reduction === undefined
          ? {}
          : { noise_reduction: audio.input.noise_reduction }),
        ...(audio?.input?.transcription === undefined
          ? {}
          : { transcription: audio.input.transcription }),
        turn_detection:
          turnDetection.type === "server_vad"
            ? { type: "server_vad", idle_timeout_ms: turnDetection.idleTimeoutMs, ...turns }
            : { type: "semantic_vad", eagerness: turnDetection.eagerness, ...turns },
      },
      output: {
        voice: profile.voice,
        ...(audio?.output?.speed === undefined ? {} : { speed: audio.output.speed }),
      },
    },
  };
}
