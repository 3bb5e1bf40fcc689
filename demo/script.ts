/** What the simulated model does in the demo: it detects when the caller speaks, never what. */
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

/** Stands in the instructions of the agent that the browser talks to. */
const BROWSER_AGENT = "walk-in";

/** Five turns for the scripted call, and endless talk for the browser's agent. */
export function demoScript(clips: DemoClips): Script {
  const turns: readonly Turn[] = [
    { say: clips.greeting },
    // The caller has a problem with order 4217. The agent looks it up while it speaks.
    { say: clips.looks, calls: [{ name: "lookup_order", arguments: { query: "4217" } }] },
    // Long enough to be interrupted.
    { say: clips.answer },
    // After the interruption.
    { say: clips.thanks },
    // "Agent."
    { say: clips.farewell, calls: [TRANSFER] },
  ];
  const said = [clips.problem.text, clips.interrupts.text, clips.human.text];
  return {
    turns: (context) =>
      context.instructions.includes(BROWSER_AGENT)
        ? freeTalk(clips, context)
        : (turns[context.index] ?? FALLBACK_TURN),
    transcripts: (turn, instructions) =>
      instructions.includes(BROWSER_AGENT)
        ? "(speech: the simulated model understands no words)"
        : (said[turn] ?? ""),
  };
}

/** Alternates between a lookup with a long answer, which can be interrupted, and a short reply. */
function freeTalk(clips: DemoClips, { index, cause, userTurns }: TurnContext): Turn {
  if (index === 0) return { say: clips.greeting };
  if (cause === "tool") return { say: clips.answer };
  return userTurns % 2 === 1
    ? { say: clips.looks, calls: [{ name: "lookup_order", arguments: { query: "4217" } }] }
    : { say: clips.thanks };
}

/** The same call by SIP, without the interruption. The model speaks while the target is called. */
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
