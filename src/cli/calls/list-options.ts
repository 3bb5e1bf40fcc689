/** Of `calls list`: the searches of `GET /api/calls`. */
export const LIST_OPTIONS: readonly (readonly [
  flags: string,
  description: string,
  choices?: readonly string[],
])[] = [
  ["--state <state>", "calls that go on, or are over", ["live", "ended"]],
  [
    "--outcome <outcome>",
    "calls that ended so",
    ["completed", "transferred", "abandoned", "failed", "rejected"],
  ],
  ["--agent <name>", "calls of this agent"],
  ["--from <number>", "calls of this caller"],
  ["--search <words>", 'words or a "phrase" of the call, or a part of a number'],
  ["--end-reason <reason>", "calls that ended for this reason"],
  ["--destination <name>", "calls whose last transfer went there"],
  ["--min-latency <ms>", "calls with an answer that took at least this long"],
  ["--min-duration <seconds>", "calls of at least this length"],
  ["--min-cost <usd>", "calls that cost at least this"],
  ["--interrupted", "calls in which the caller interrupted the agent"],
  ["--tool-failed", "calls in which a tool failed"],
  ["--since <time>", "begun at or after: 2026-11-21T08:00:00Z, or 30m, 2h, 7d ago"],
  ["--until <time>", "begun before"],
  ["--sort <by>", "the highest first", ["started", "duration", "latency", "cost", "interruptions"]],
];
