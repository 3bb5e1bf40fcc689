/**
 * Words of the product that were replaced do not come back: in identifiers, comments and texts of
 * the sources, in the console, and on the pages of docs. The words in use are in docs/glossary.md.
 * Retired words that also have an ordinary meaning ("human", "noise floor", "ring", "Question", "Answer", "Place") are not
 * judged, for a scanner cannot tell the two apart; as a whole identifier they are, where listed.
 */
import { describe, expect, it } from "vitest";
import { projectSources, type Source } from "./sources.js";
import { tokensOf } from "./tokens.js";

/** Retired in any form: as a word of a text, or as a part of an identifier. */
const WORDS = new Map(
  Object.entries({
    ear: "CallerVad, SpeechDetector",
    ears: "CallerVad, SpeechDetector",
    standstill: "process stall",
    heritage: "CallHandoff",
    fleet: "Cluster",
    fleets: "TieredCluster",
    purse: "CallBudget",
    ladder: "failover list",
    rung: "step of the failover list",
    eraser: "RetentionJob",
    teller: "CompletionNotifier",
    beat: "frame tick",
    beats: "frame tick",
    verdict: "TokenCheck, LimitAction, severity",
    hearing: "playback report",
    mend: "fix",
    house: "module, layer",
    departure: "disposition",
    departures: "disposition",
  }),
);

/** Retired as the whole name of something. */
const NAMES = new Map(
  Object.entries({
    Desk: "CallService",
    Switchboard: "ClusterRouter",
    MemoryRoot: "ShmRoot",
    CallStory: "CallEventLog",
    Finding: "CheckResult",
    Once: "ReplayCache",
    Keypad: "DtmfCollector",
    TurnFitting: "TurnDetectionTuner",
    LineTuner: "TurnDetectionTuner",
    CallAccount: "CallBudget",
    AgentTexts: "TranscriptProgress",
    Cut: "Truncation",
    Flight: "CallRecorder",
    DeskOrder: "CallCommand",
    owesAnswer: "replyPending",
    letGo: "release",
    goOn: "requestReply",
  }),
);

/** Where a retired word stays, and why. A folder ends in a slash. */
const ALLOWED: readonly { readonly place: string; readonly words: string; readonly why: string }[] =
  [
    { place: "docs/decisions/", words: "*", why: "decision pages are never rewritten" },
    { place: "src/recorder/old-names.ts", words: "*", why: "reads flight recordings of 0.1" },
  ];

function isAllowed(path: string, word: string): boolean {
  return ALLOWED.some(
    ({ place, words }) =>
      (place.endsWith("/") ? path.startsWith(place) : path === place) &&
      (words === "*" || words.split(" ").includes(word)),
  );
}

/** `owesAnswer` is made of "owes" and "answer". */
function partsOf(identifier: string): string[] {
  return (identifier.match(/[A-Z]?[a-z]+|[A-Z]+(?![a-z])/g) ?? []).map((part) =>
    part.toLowerCase(),
  );
}

function wordFaults({ path, text }: Source): string[] {
  const faults = new Set<string>();
  const judge = (word: string, line: number, isName: boolean): void => {
    for (const part of partsOf(word)) {
      const better = WORDS.get(part);
      if (better !== undefined && !isAllowed(path, part))
        faults.add(`${path}:${line} says ${part}, not ${better}`);
    }
    const better = isName ? NAMES.get(word.replace(/^#/, "")) : undefined;
    if (better !== undefined && !isAllowed(path, word))
      faults.add(`${path}:${line} says ${word}, not ${better}`);
  };
  if (/\.(?:md|html)$/.test(path)) {
    for (const [index, line] of text.split("\n").entries()) {
      for (const [word] of line.matchAll(/[A-Za-z]+/g)) judge(word, index + 1, false);
      for (const [, code = ""] of line.matchAll(/`([^`]+)`/g)) judge(code, index + 1, true);
    }
    return [...faults];
  }
  for (const token of tokensOf(text)) {
    const isCode = token.kind === "word";
    for (const [word] of token.text.matchAll(/[A-Za-z]+/g)) judge(word, token.line, isCode);
  }
  return [...faults];
}

describe("retired words", () => {
  const all = [
    ...projectSources(["src"]),
    ...projectSources(["console"], /\.(?:js|html)$/),
    ...projectSources(["docs"], /\.md$/),
  ].filter(({ path }) => !path.startsWith("console/vendor/"));

  it("are nowhere but where the list allows them", () => {
    expect(all.length).toBeGreaterThan(300);
    expect(all.flatMap(wordFaults)).toEqual([]);
  });

  it("are allowed only where they are", () => {
    for (const { place } of ALLOWED)
      expect(all.some(({ path }) => path.startsWith(place))).toBe(true);
  });

  it.each([
    ["an identifier", "src/a.ts", "const twoFleets = 1;"],
    ["a private name", "src/a.ts", "class A { #verdict = 1; }"],
    ["a whole name", "src/a.ts", "class Desk {}"],
    ["a comment", "src/a.ts", "/** The rung of a list. */"],
    ["a log line", "src/a.ts", 'log.warn("vad: ear lost");'],
    ["a template", "src/a.ts", "const t = `the $" + "{name} beat`;"],
    ["the console's text", "console/a.js", "html`<p>The fleet is away</p>`;"],
    ["a page", "docs/a.md", "Text.\n\nThe ladder of destinations."],
    ["a name on a page", "docs/a.md", "`CallStory` writes."],
  ])("are refused in %s", (_, path, text) => expect(wordFaults({ path, text })).toHaveLength(1));

  it.each([
    ["src/a.ts", "heartbeat(clearly, desk, question); // a desk lamp, wherever it appears"],
    ["src/recorder/old-names.ts", 'const old = "heritage";'],
    ["docs/decisions/0001-a.md", "The fleet."],
  ])("are not seen in %s: %s", (path, text) => expect(wordFaults({ path, text })).toEqual([]));
});
