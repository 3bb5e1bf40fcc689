/**
 * The client events of the Realtime API (GA), each with every field it may have.
 *
 * Source: OpenAI, Realtime client events.
 */
import {
  anything,
  base64,
  boolean,
  type Check,
  either,
  exactly,
  integer,
  listOf,
  nullable,
  number,
  object,
  oneOf,
  record,
  text,
  valueFault,
  variants,
} from "./check.js";

const format: Check = variants("type", {
  "audio/pcm": object({ required: { type: anything, rate: oneOf(24000) } }),
  // A rate belongs to PCM alone; the server refuses it here.
  "audio/pcmu": object({ required: { type: anything } }),
  "audio/pcma": object({ required: { type: anything } }),
});

const serverVad = {
  idle_timeout_ms: nullable(integer(5000, 30_000)),
  create_response: boolean,
  interrupt_response: boolean,
};
const semanticVad = object({
  required: { type: anything },
  optional: {
    eagerness: oneOf("low", "medium", "high", "auto"),
    create_response: boolean,
    interrupt_response: boolean,
  },
});
const turnDetection: Check = variants("type", {
  server_vad: object({
    required: { type: anything },
    optional: {
      threshold: number(0, 1),
      prefix_padding_ms: integer(0),
      silence_duration_ms: integer(0),
      ...serverVad,
    },
  }),
  semantic_vad: semanticVad,
});
const sipTurnDetection: Check = variants("type", {
  server_vad: object({ required: { type: anything }, optional: serverVad }),
  semantic_vad: semanticVad,
});

/** ISO-639-1, or the three letters of ISO-639-3; a region is refused. */
const language: Check = (value, path) =>
  typeof value === "string" && /^[a-z]{2,3}$/.test(value)
    ? null
    : valueFault(path, "a language code such as 'en' is expected, in ISO-639-1.");

const transcription = object({
  required: { model: text(200, 1) },
  optional: {
    language,
    prompt: text(),
    languages: listOf(language),
    keywords: listOf(text()),
    delay: anything,
  },
});

const voice = either(
  object({ required: { id: text(100, 1) } }),
  oneOf("alloy", "ash", "ballad", "coral", "echo", "sage", "shimmer", "verse", "marin", "cedar"),
);

/** Letters, digits, underscores and dashes, at most 64. */
const toolName: Check = (value, path) =>
  typeof value === "string" && /^[\w-]{1,64}$/.test(value)
    ? null
    : valueFault(path, "expected a name of the pattern '^[a-zA-Z0-9_-]{1,64}$'.");

const tool = variants("type", {
  function: object({
    required: { type: anything, name: toolName },
    optional: { description: text(), parameters: record },
  }),
  mcp: object({
    required: { type: anything, server_label: text(100, 1) },
    optional: {
      server_url: text(),
      connector_id: text(),
      authorization: text(),
      headers: nullable(record),
      allowed_tools: anything,
      require_approval: anything,
      server_description: text(),
    },
  }),
});
const toolChoice = either(
  oneOf("auto", "none", "required"),
  variants("type", {
    function: object({ required: { type: anything, name: text(64, 1) } }),
    mcp: object({ required: { type: anything, server_label: text() }, optional: { name: text() } }),
  }),
);
const modalities = either(
  exactly(["audio"], "supported combinations are ['text'] and ['audio']."),
  exactly(["text"], "supported combinations are ['text'] and ['audio']."),
);
const maxTokens = either(oneOf("inf"), integer(1, 4096));
const reasoning = object({
  required: { effort: oneOf("minimal", "low", "medium", "high", "xhigh") },
});

/**
 * The fields of a session, by the way in which they are given. A SIP call takes no VAD thresholds
 * and times. It takes audio formats at its acceptance, since the official SDK sends them, and
 * ignores them; a sideband may not set them later.
 */
const sessionFields = (by: "socket" | "accept" | "sideband"): Readonly<Record<string, Check>> => ({
  output_modalities: modalities,
  instructions: text(),
  audio: object({
    optional: {
      input: object({
        optional: {
          ...(by === "sideband" ? {} : { format }),
          noise_reduction: nullable(
            object({
              required: { type: oneOf("near_field", "far_field") },
              optional: { strength: number(0, 1) },
            }),
          ),
          transcription: nullable(transcription),
          turn_detection: nullable(by === "socket" ? turnDetection : sipTurnDetection),
        },
      }),
      output: object({
        optional: {
          ...(by === "sideband" ? {} : { format }),
          voice,
          speed: number(0.25, 1.5),
        },
      }),
    },
  }),
  tools: listOf(tool),
  tool_choice: toolChoice,
  max_output_tokens: maxTokens,
  truncation: either(
    oneOf("auto", "disabled"),
    object({
      required: { type: oneOf("retention_ratio"), retention_ratio: number(0, 1) },
      optional: { token_limits: object({ optional: { post_instructions: integer(1) } }) },
    }),
  ),
  tracing: nullable(
    either(
      oneOf("auto"),
      object({ optional: { workflow_name: text(), group_id: text(), metadata: record } }),
    ),
  ),
  prompt: anything,
  include: listOf(oneOf("item.input_audio_transcription.logprobs")),
  parallel_tool_calls: boolean,
  reasoning,
});

const model = text(200, 1);
const realtimeSession = object({
  required: { type: anything },
  optional: { model, ...sessionFields("socket") },
});
const sidebandSession = object({
  required: { type: anything },
  optional: { model, ...sessionFields("sideband") },
});

const itemId = text(32, 1);
const common = {
  id: itemId,
  status: oneOf("completed", "incomplete", "in_progress"),
  object: anything,
};
const inputPart = variants("type", {
  input_text: object({ required: { type: anything, text: text() } }),
  input_audio: object({
    required: { type: anything, audio: base64 },
    optional: { transcript: text() },
  }),
  input_image: object({
    required: { type: anything },
    optional: { image_url: text(), detail: anything },
  }),
});
const message = variants("role", {
  user: object({
    required: { type: anything, role: anything, content: listOf(inputPart) },
    optional: common,
  }),
  system: object({
    required: {
      type: anything,
      role: anything,
      content: listOf(
        variants("type", { input_text: object({ required: { type: anything, text: text() } }) }),
      ),
    },
    optional: common,
  }),
  // A client cannot create an assistant's audio.
  assistant: object({
    required: {
      type: anything,
      role: anything,
      content: listOf(
        variants("type", { output_text: object({ required: { type: anything, text: text() } }) }),
      ),
    },
    optional: common,
  }),
});
const item: Check = variants("type", {
  message,
  function_call: object({
    required: { type: anything, call_id: text(64, 1), name: text(64, 1), arguments: text() },
    optional: common,
  }),
  function_call_output: object({
    required: { type: anything, call_id: text(64, 1), output: text() },
    optional: common,
  }),
  mcp_approval_response: object({
    required: { type: anything, approval_request_id: text(64, 1), approve: boolean },
    optional: { id: itemId, reason: nullable(text()) },
  }),
});
const reference = object({ required: { type: anything, id: itemId } });

const metadata: Check = (value, path) => {
  const fault = record(value, path);
  if (fault !== null) return fault;
  const pairs = Object.entries(value as Record<string, string>);
  const good =
    pairs.length <= 16 &&
    pairs.every(
      ([key, entry]) => key.length <= 64 && typeof entry === "string" && entry.length <= 512,
    );
  return good
    ? null
    : {
        code: "invalid_value",
        message: `Invalid value for '${path}': at most 16 pairs of 64 and 512 characters.`,
        param: path,
      };
};

const response = object({
  optional: {
    instructions: text(),
    output_modalities: modalities,
    audio: object({ optional: { output: object({ optional: { format, voice } }) } }),
    tools: listOf(tool),
    tool_choice: toolChoice,
    max_output_tokens: maxTokens,
    conversation: oneOf("auto", "none"),
    input: listOf(
      variants("type", {
        message: item,
        function_call: item,
        function_call_output: item,
        mcp_approval_response: item,
        item_reference: reference,
      }),
    ),
    metadata: nullable(metadata),
    prompt: anything,
    reasoning,
    parallel_tool_calls: boolean,
  },
});

function event(fields: {
  readonly required?: Readonly<Record<string, Check>>;
  readonly optional?: Readonly<Record<string, Check>>;
}): Check {
  return object({
    required: { type: anything, ...fields.required },
    optional: { event_id: text(512), ...fields.optional },
  });
}

/** The body of `accept`: the session itself. */
export const ACCEPT: Check = variants("type", {
  realtime: object({ required: { type: anything, model }, optional: sessionFields("accept") }),
});

export const CLIENT_EVENTS: Readonly<Record<string, Check>> = {
  "session.update": event({
    required: { session: variants("type", { realtime: realtimeSession }) },
  }),
  "input_audio_buffer.append": event({ required: { audio: base64 } }),
  "input_audio_buffer.commit": event({}),
  "input_audio_buffer.clear": event({}),
  "conversation.item.create": event({
    required: { item },
    optional: { previous_item_id: nullable(text(64, 1)) },
  }),
  "conversation.item.retrieve": event({ required: { item_id: text(64, 1) } }),
  "conversation.item.delete": event({ required: { item_id: text(64, 1) } }),
  "conversation.item.truncate": event({
    required: { item_id: text(64, 1), content_index: integer(0), audio_end_ms: integer(0) },
  }),
  "response.create": event({ optional: { response } }),
  "response.cancel": event({ optional: { response_id: text(64, 1) } }),
  "output_audio_buffer.clear": event({}),
};

/** Those of a sideband. SIP carries the call's sound, so a session has fewer fields there. */
export const SIDEBAND_EVENTS: Readonly<Record<string, Check>> = {
  ...CLIENT_EVENTS,
  "session.update": event({
    required: { session: variants("type", { realtime: sidebandSession }) },
  }),
};
