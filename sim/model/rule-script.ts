/** A script for any agent: it answers by rules, from the tools that the session was given. */
import { speechLike } from "../audio/synth.js";
import { isObject } from "./check.js";
import { type AskedTool, answerByRules, type RuleTool } from "./rules.js";
import { quotedText, type Script, speechesOf, type Turn, type TurnContext } from "./script.js";
import type { ModelSession } from "./session.js";

export interface RuleScriptOptions {
  /**
   * Asked before the rules, whenever the caller has said something or tools have answered.
   * Undefined: the rules answer.
   *
   * @param text  what the caller said; null: only tools have answered, or speech without words.
   */
  readonly scripted?: (text: string | null, context: TurnContext) => Turn | undefined;
  /** Length of every spoken item, in ms. Default: as long as its text takes to say. */
  readonly speechMs?: number;
  /** From `response.created` to the first item, in ms. Default 200. */
  readonly delayMs?: number;
}

/** What the agent says when it is asked for words and none are quoted. */
const NOTHING_QUOTED = "One moment, please.";
/** The same when the caller has been silent for a while. */
const STILL_THERE = "Are you still there?";

export function ruleScript(
  session: Pick<ModelSession, "config" | "conversation">,
  options: RuleScriptOptions = {},
): Script {
  const { scripted, speechMs, delayMs } = options;
  const answered = new Set<string>();
  let asked: AskedTool | null = null;

  const paced = (turn: Turn): Turn => ({
    ...turn,
    ...(delayMs === undefined ? {} : { delayMs }),
    ...(speechMs === undefined
      ? {}
      : {
          say: speechesOf(turn).map((speech) => ({
            ...speech,
            audio: speech.audio ?? speechLike(speechMs),
          })),
        }),
  });

  const answer = (context: TurnContext): Turn => {
    if (context.request !== null) return { say: requested(context.request) };
    const callerText = newCallerText(session, answered);
    const given = scripted?.(callerText, context);
    if (given !== undefined) return given;
    const heard = { tools: toolsOf(session), callerText, outputs: context.outputs, asked };
    const answer = answerByRules(heard);
    ({ asked } = answer);
    return answer.turn;
  };
  return {
    turns: (context) => paced(answer(context)),
    outOfBand: ({ request }) => paced({ say: requested(request) }),
    transcripts: () => "",
  };
}

/** @param request  the instructions of the response; null: none. */
function requested(request: string | null): string {
  const quoted = request === null ? null : quotedText(request);
  if (quoted !== null) return quoted;
  return /\bstill there\b/.test(request ?? "") ? STILL_THERE : NOTHING_QUOTED;
}

/** How a relay tells the model of the caller's keys. A keyed number answers a question for one. */
const KEYED = /^The caller typed on the keypad: ([0-9*]+)#?$/;

/** What the caller has said in words or keyed and was not answered yet; null: nothing. */
function newCallerText(
  { conversation }: Pick<ModelSession, "conversation">,
  answered: Set<string>,
): string | null {
  const texts: string[] = [];
  for (const { id, role, content } of conversation.all()) {
    if (answered.has(id)) continue;
    answered.add(id);
    for (const part of content) {
      const given = part["type"] === "input_text" ? part["text"] : part["transcript"];
      const text = role === "user" ? given : KEYED.exec(String(given))?.[1];
      if (typeof text === "string" && text !== "") texts.push(text);
    }
  }
  return texts.length === 0 ? null : texts.join(" ");
}

function toolsOf({ config }: Pick<ModelSession, "config">): RuleTool[] {
  const { tools } = config;
  if (!Array.isArray(tools)) return [];
  return tools.flatMap((tool) => {
    if (!isObject(tool) || tool["type"] !== "function") return [];
    const { name, description, parameters } = tool;
    return [
      {
        name: String(name),
        description: typeof description === "string" ? description : "",
        parameters: isObject(parameters) ? parameters : {},
      },
    ];
  });
}
