/** The client events of the Realtime API (GA), each with every field it may have. Source: OpenAI, Realtime client events. */
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
  variants,
} from "./check.js";

const format: Check = variants("type", {
  "audio/pcm": object({ required: { type: anything, rate: oneOf(24000) } }),
  // No rate: it belongs to PCM alone, and the server says so.
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

const transcription = object({
  required: { model: text(200, 1) },
  optional: {
    language: text(10),
    prompt: text(),
    languages: listOf(text(10)),
    keywords: listOf(text()),
    delay: anything,
  },
});

const voice = either(
  object({ required: { id: text(100, 1) } }),
  oneOf("alloy", "ash", "ballad", "coral", "echo", "sage", "shimmer", "verse", "marin", "cedar"),
);

const tool = variants("type", {
  function: object({
    required: { type: anything, name: text(64, 1) },
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

/** The fields of a session over a WebSocket; a SIP call takes fewer: its formats are agreed on by SIP. */
const sessionFields = (sip: boolean): Readonly<Record<string, Check>> => ({
  output_modalities: modalities,
  instructions: text(),
  audio: object({
    optional: {
      input: object({
        optional: {
          ...(sip ? {} : { format }),
          noise_reduction: nullable(
            object({
              required: { type: oneOf("near_field", "far_field") },
              optional: { strength: number(0, 1) },
            }),
          ),
          transcription: nullable(transcription),
          turn_detection: nullable(sip ? sipTurnDetection : turnDetection),
        },
      }),
      output: object({ optional: { ...(sip ? {} : { format }), voice, speed: number(0.25, 1.5) } }),
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
  optional: { model, ...sessionFields(false) },
});
const sipSession = object({
  required: { type: anything },
  optional: { model, ...sessionFields(true) },
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
  // An assistant's audio cannot be created by a client.
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
  realtime: object({ required: { type: anything, model }, optional: sessionFields(true) }),
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

/** Of a sideband: the call's sound is not the client's. */
export const SIDEBAND_EVENTS: Readonly<Record<string, Check>> = {
  ...CLIENT_EVENTS,
  "session.update": event({ required: { session: variants("type", { realtime: sipSession }) } }),
};
