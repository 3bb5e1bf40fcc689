import { FALLBACK_TURN, type Script, type Turn, type TurnContext } from "../sim/model/script.js";
import { type Clip, loadClip } from "./clips.js";

export interface DemoClips {
  readonly problem: Clip;
  readonly interrupts: Clip;
  readonly human: Clip;
  readonly greeting: Clip;
  readonly looks: Clip;
  readonly answer: Clip;
  readonly thanks: Clip;
  readonly farewell: Clip;
}

export function loadDemoClips(): DemoClips {
  return {
    problem: loadClip("caller-problem"),
    interrupts: loadClip("caller-interrupts"),
    human: loadClip("caller-human"),
    greeting: loadClip("agent-greeting"),
    looks: loadClip("agent-looks"),
    answer: loadClip("agent-answer"),
    thanks: loadClip("agent-thanks"),
    farewell: loadClip("agent-farewell"),
  };
}

/** The transfer that the model asks for at the end. */
const TRANSFER = {
  name: "transfer_call",
  arguments: {
    destination: "front_desk",
    reason: "the caller asked for a person",
    summary:
      "Order 4217 is delayed: the parcel was carried away by monkeys. The caller wants a person.",
    urgency: "medium",
  },
};

/** Stands in the instructions of the agent that is talked to by the browser. */
const WALK_IN = "walk-in";

/** What the simulated model does: it hears when, never what, so the call is a play in five acts. */
export function demoScript(clips: DemoClips): Script {
  const acts: readonly Turn[] = [
    { say: clips.greeting },
    // The caller has a problem with order 4217: looked up, while something is being said.
    { say: clips.looks, calls: [{ name: "lookup_order", arguments: { query: "4217" } }] },
    // Long enough to be interrupted.
    { say: clips.answer },
    // After the interruption.
    { say: clips.thanks },
    // "Agent."
    { say: clips.farewell, calls: [TRANSFER] },
  ];
  const lines = [clips.problem.text, clips.interrupts.text, clips.human.text];
  return {
    turns: (context) =>
      context.instructions.includes(WALK_IN)
        ? freeTalk(clips, context)
        : (acts[context.index] ?? FALLBACK_TURN),
    transcripts: (turn, instructions) =>
      instructions.includes(WALK_IN)
        ? "(speech: the simulated model knows no words)"
        : (lines[turn] ?? ""),
  };
}

/** Every turn is answered: by turns with something looked up, which is long enough to be interrupted, and with a short word. */
function freeTalk(clips: DemoClips, { index, cause, userTurns }: TurnContext): Turn {
  if (index === 0) return { say: clips.greeting };
  if (cause === "tool") return { say: clips.answer };
  return userTurns % 2 === 1
    ? { say: clips.looks, calls: [{ name: "lookup_order", arguments: { query: "4217" } }] }
    : { say: clips.thanks };
}

/** The same call by SIP, without the interruption. While the human is fetched, the model keeps the caller company. */
export function sipDemoScript(clips: DemoClips): Script {
  return {
    turns: ({ index, cause, userTurns }) => {
      if (index === 0) return { say: clips.greeting };
      if (cause === "vad" && userTurns === 1)
        return {
          say: clips.looks,
          calls: [{ name: "lookup_order", arguments: { query: "4217" } }],
        };
      if (cause === "vad") return { say: clips.farewell, calls: [TRANSFER] };
      return { say: userTurns <= 1 ? clips.answer : clips.thanks };
    },
    transcripts: [clips.problem.text, clips.human.text],
  };
}
