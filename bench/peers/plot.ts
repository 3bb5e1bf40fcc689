/** The comparison as one SVG that needs nothing else and reads on light and dark pages. Pure. */
import { RELAY_NAMES, RELAYS, type RelayName } from "./relays.js";
import { byRelay, type PeerRun, type Spread, spread } from "./summary.js";

interface Panel {
  readonly title: string;
  readonly figure: string;
  readonly digits: number;
  readonly tls: boolean;
}

interface Bar {
  readonly relay: RelayName;
  readonly spread: Spread;
}

const WIDTH = 760;
const LABEL_WIDTH = 150;
/** For the figure behind the longest bar. */
const VALUE_WIDTH = 64;
const BAR = 18;
const BAR_GAP = 7;
const TITLE = 30;
const PANEL_GAP = 16;
const MARGIN = 16;
const CAPTION_LINE = 16;

/** @param caption  lines of at most some 120 characters. */
export function plot(runs: readonly PeerRun[], caption: readonly string[]): string {
  const panels = [false, true].flatMap((tls): Panel[] => {
    const suffix = tls ? ", TLS to the model" : "";
    return [
      {
        title: `CPU, ms per second of one call${suffix}`,
        figure: "cpu_ms_per_call_s",
        digits: 2,
        tls,
      },
      { title: `Memory, KB per call${suffix}`, figure: "rss_kb_per_call", digits: 0, tls },
      {
        title: `Uplink while the caller talks, p99, ms${suffix}`,
        figure: "uplink_p99_ms",
        digits: 2,
        tls,
      },
    ];
  });
  const parts: string[] = [];
  let y = MARGIN;
  for (const panel of panels) {
    const bars = barsOf(runs, panel);
    if (bars.length === 0) continue;
    parts.push(drawPanel(panel, bars, y));
    y += TITLE + bars.length * (BAR + BAR_GAP) + PANEL_GAP;
  }
  for (const text of caption) {
    y += CAPTION_LINE;
    parts.push(
      `<text class="small" x="${MARGIN}" y="${y - PANEL_GAP / 2}">${escaped(text)}</text>`,
    );
  }
  const height = y + MARGIN;
  const name = escaped(["Relays side by side", ...caption].join("; "));
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="${name}">
<style>
text{font:13px system-ui,-apple-system,"Segoe UI",sans-serif;fill:#1f2328}
.title{font-weight:600}.small{font-size:11px;fill:#656d76}
.page{fill:#ffffff}.ours{fill:#2a6fdb}.theirs{fill:#9aa4b2}.whisker{stroke:#1f2328;stroke-width:1.2}
@media (prefers-color-scheme:dark){text{fill:#e6edf3}.small{fill:#8d96a0}.page{fill:#0d1117}.ours{fill:#4c8df0}.theirs{fill:#5b6675}.whisker{stroke:#e6edf3}}
</style>
<rect class="page" width="${WIDTH}" height="${height}" rx="8"/>
${parts.join("\n")}
</svg>
`;
}

function barsOf(runs: readonly PeerRun[], { figure, tls }: Panel): Bar[] {
  const summaries = byRelay(runs, tls);
  return RELAY_NAMES.flatMap((relay) => {
    const found = spread(summaries.find((one) => one.relay === relay)?.runs ?? [], figure);
    return found === null ? [] : [{ relay, spread: found }];
  });
}

function drawPanel({ title, digits }: Panel, bars: readonly Bar[], top: number): string {
  const left = MARGIN + LABEL_WIDTH;
  const room = WIDTH - left - VALUE_WIDTH - MARGIN;
  const longest = Math.max(...bars.map((bar) => bar.spread.high), Number.MIN_VALUE);
  const x = (value: number): string => (left + (Math.max(0, value) / longest) * room).toFixed(1);
  const drawn = bars.map(({ relay, spread: { median, low, high } }, i) => {
    const y = top + TITLE + i * (BAR + BAR_GAP);
    const middle = y + BAR / 2;
    const kind = relay === "murelay" ? "ours" : "theirs";
    const whisker =
      low === high
        ? ""
        : `<path class="whisker" d="M${x(low)} ${middle}H${x(high)}M${x(low)} ${middle - 4}v8M${x(high)} ${middle - 4}v8"/>`;
    const width = Math.max(1, Number(x(median)) - left).toFixed(1);
    return (
      `<text x="${left - 8}" y="${middle + 4}" text-anchor="end">${escaped(RELAYS[relay].label)}</text>` +
      `<rect class="${kind}" x="${left}" y="${y}" width="${width}" height="${BAR}" rx="2"/>${whisker}` +
      `<text x="${(Number(x(high)) + 8).toFixed(1)}" y="${middle + 4}">${median.toFixed(digits)}</text>`
    );
  });
  return [
    `<text class="title" x="${MARGIN}" y="${top + 16}">${escaped(title)}</text>`,
    ...drawn,
  ].join("\n");
}

function escaped(text: string): string {
  return text
    .replace(/&/g, "&amp;")
    .replace(/</g, "&lt;")
    .replace(/>/g, "&gt;")
    .replace(/"/g, "&quot;");
}
