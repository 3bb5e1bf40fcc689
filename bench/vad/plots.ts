/** The evaluation as pictures: plain SVG text, readable on white and on black paper. */
import { OURS } from "./detectors.js";
import type { Evaluation } from "./evaluation.js";

const WIDTH = 640;
const HEIGHT = 400;
const LEFT = 64;
const RIGHT = 130;
const TOP = 40;
const BOTTOM = 56;

/** Ours first, then the modes: apart for colour-blind eyes too. */
const COLOURS = ["#0072b2", "#d55e00", "#e69f00", "#009e73", "#cc79a7"] as const;

interface Axis {
  readonly title: string;
  readonly from: number;
  readonly to: number;
  readonly ticks: readonly number[];
  readonly show: (value: number) => string;
}

interface Series {
  readonly name: string;
  readonly points: readonly (readonly [number, number])[];
  /** A dot each, or a line through them. */
  readonly as: "dots" | "line";
}

const percent = (value: number) => `${Math.round(100 * value)} %`;

/** File name → SVG. */
export function plots(evaluation: Evaluation): ReadonlyMap<string, string> {
  return new Map([
    ["vad-roc.svg", roc(evaluation)],
    ["vad-onset-delay.svg", onsetDelay(evaluation)],
    ["vad-false-onsets.svg", falseOnsets(evaluation)],
  ]);
}

function roc({ curve, rows }: Evaluation): string {
  return chart(
    "Speech frames found and other frames mistaken, 5 dB and more",
    {
      title: "other frames taken for speech",
      from: 0,
      to: 0.7,
      ticks: [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7],
      show: percent,
    },
    {
      title: "speech frames found",
      from: 0.75,
      to: 1,
      ticks: [0.75, 0.8, 0.85, 0.9, 0.95, 1],
      show: percent,
    },
    [
      {
        name: OURS,
        as: "line",
        points: curve.map((point) => [point.falseAlarmShare, point.recall] as const),
      },
      ...rows
        .filter(({ name }) => name !== OURS)
        .map(
          ({ name, falseAlarmShare, recall }): Series => ({
            name,
            as: "dots",
            points: [[falseAlarmShare, recall]],
          }),
        ),
    ],
  );
}

function falseOnsets({ curve, equalRecall }: Evaluation): string {
  return chart(
    "Noise that counts as somebody speaking, at equal recall",
    {
      title: "speech frames found, 5 dB and more",
      from: 0.8,
      to: 1,
      ticks: [0.8, 0.85, 0.9, 0.95, 1],
      show: percent,
    },
    {
      title: "false onsets an hour",
      from: 0,
      to: 1500,
      ticks: [0, 250, 500, 750, 1000, 1250, 1500],
      show: String,
    },
    [
      {
        name: OURS,
        as: "line",
        points: curve.map((point) => [point.onsetRecall, point.falseOnsetsPerHour] as const),
      },
      ...equalRecall.map(
        ({ name, recall, theirs }): Series => ({
          name,
          as: "dots",
          points: [[recall, theirs.perHour]],
        }),
      ),
    ],
  );
}

function onsetDelay({ rows }: Evaluation): string {
  const ticks = [0, 40, 80, 120, 160, 200, 240];
  return chart(
    "How soon speech is noticed, 10 dB and more (of onsets on a line not held by noise)",
    { title: "ms from its first frame", from: 0, to: 240, ticks, show: String },
    {
      title: "onsets noticed by then",
      from: 0,
      to: 1,
      ticks: [0, 0.25, 0.5, 0.75, 1],
      show: percent,
    },
    rows.map(
      ({ name, onsets }): Series => ({
        name,
        as: "line",
        points: Array.from({ length: 13 }, (_, i) => {
          const ms = i * 20;
          const by = onsets.delaysMs.filter((delay) => delay <= ms).length;
          return [ms, by / Math.max(1, onsets.delaysMs.length)] as const;
        }),
      }),
    ),
  );
}

function chart(title: string, x: Axis, y: Axis, series: readonly Series[]): string {
  const across = (value: number) =>
    LEFT + ((value - x.from) / (x.to - x.from)) * (WIDTH - LEFT - RIGHT);
  const down = (value: number) =>
    HEIGHT - BOTTOM - ((value - y.from) / (y.to - y.from)) * (HEIGHT - TOP - BOTTOM);
  const at = ([px, py]: readonly [number, number]) =>
    `${across(px).toFixed(1)},${down(py).toFixed(1)}`;
  const inside = ([px, py]: readonly [number, number]) =>
    px >= x.from && px <= x.to && py >= y.from && py <= y.to;
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">`,
    `<title>${title}</title>`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#ffffff"/>`,
    `<text x="${LEFT}" y="22" font-size="14" fill="#222222">${title}</text>`,
    ...x.ticks.map(
      (tick) =>
        `<path d="M${at([tick, y.from])}V${TOP}" stroke="#dddddd"/><text x="${across(tick).toFixed(1)}" y="${HEIGHT - BOTTOM + 18}" text-anchor="middle" fill="#444444">${x.show(tick)}</text>`,
    ),
    ...y.ticks.map(
      (tick) =>
        `<path d="M${at([x.from, tick])}H${WIDTH - RIGHT}" stroke="#dddddd"/><text x="${LEFT - 8}" y="${(down(tick) + 4).toFixed(1)}" text-anchor="end" fill="#444444">${y.show(tick)}</text>`,
    ),
    `<text x="${(LEFT + WIDTH - RIGHT) / 2}" y="${HEIGHT - 14}" text-anchor="middle" fill="#222222">${x.title}</text>`,
    `<text transform="translate(16 ${(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)" text-anchor="middle" fill="#222222">${y.title}</text>`,
  ];
  series.forEach(({ name, points, as }, i) => {
    const colour = COLOURS[i % COLOURS.length]!;
    const seen = points.filter(inside);
    if (as === "line")
      parts.push(
        `<polyline points="${seen.map(at).join(" ")}" fill="none" stroke="${colour}" stroke-width="${i === 0 ? 3 : 2}"/>`,
      );
    for (const [px, py] of seen)
      parts.push(
        `<circle cx="${across(px).toFixed(1)}" cy="${down(py).toFixed(1)}" r="${as === "dots" ? 6 : 2.5}" fill="${colour}"/>`,
      );
    const legendY = TOP + 12 + i * 20;
    parts.push(
      `<circle cx="${WIDTH - RIGHT + 18}" cy="${legendY - 4}" r="5" fill="${colour}"/><text x="${WIDTH - RIGHT + 30}" y="${legendY}" fill="#222222">${name}</text>`,
    );
  });
  return `${[...parts, "</svg>"].join("\n")}\n`;
}
