/** The promises about the VAD, each with its figure: `--check` fails when one does not hold. */
import { OURS } from "./detectors.js";
import { SNRS_DB } from "./eval-set.js";
import { bestOther, type Evaluation, PROMISED_SNR_DB, rowOf } from "./evaluation.js";
import { percentile } from "./measures.js";

export interface Claim {
  readonly what: string;
  readonly figure: string;
  readonly limit: string;
  readonly holds: boolean;
}

const ONSET_P50_MS = 60;
const ONSET_P90_MS = 120;
const FALSE_ONSET_SHARE = 0.5;
const FRAME_US = 1.5;

export function claimsOf(evaluation: Evaluation): Claim[] {
  const ours = rowOf(evaluation, OURS);
  const f1 = (what: string, mine: number, best: number): Claim => ({
    what,
    figure: mine.toFixed(3),
    limit: `> ${best.toFixed(3)} (best fvad mode)`,
    holds: mine > best,
  });
  const claims: Claim[] = [];
  for (const snr of ["none", ...SNRS_DB.filter((db) => db >= PROMISED_SNR_DB).map(String)])
    claims.push(
      f1(
        snr === "none" ? "F1 without noise" : `F1 at ${snr} dB`,
        ours.f1BySnr[snr]!,
        bestOther(evaluation.rows, (row) => row.f1BySnr[snr]!),
      ),
    );
  for (const language of evaluation.languages)
    claims.push(
      f1(
        `F1 in ${language}`,
        ours.f1ByLanguage[language]!,
        bestOther(evaluation.rows, (row) => row.f1ByLanguage[language]!),
      ),
    );
  return [
    ...claims,
    ...onsetClaims(evaluation),
    ...falseOnsetClaims(evaluation),
    ...costClaims(evaluation),
  ];
}

function onsetClaims(evaluation: Evaluation): Claim[] {
  const { delaysMs } = rowOf(evaluation, OURS).onsets;
  return [
    { p: 50, limitMs: ONSET_P50_MS },
    { p: 90, limitMs: ONSET_P90_MS },
  ].map(({ p, limitMs }) => {
    const ms = percentile(delaysMs, p);
    return {
      what: `onset delay p${p}`,
      figure: `${ms} ms`,
      limit: `≤ ${limitMs} ms`,
      holds: ms <= limitMs,
    };
  });
}

/** Against every mode at its own recall: whichever is called the best, it is among them. */
function falseOnsetClaims({ equalRecall }: Evaluation): Claim[] {
  return equalRecall.map(({ name, recall, theirs, ours }) => {
    const limit = theirs.perHour * FALSE_ONSET_SHARE;
    return {
      what: `false onsets an hour at the recall of ${name}, ${(100 * recall).toFixed(1)} %`,
      figure: ours.perHour.toFixed(0),
      limit: `≤ ${limit.toFixed(0)} (half of its ${theirs.perHour.toFixed(0)})`,
      holds: ours.perHour <= limit,
    };
  });
}

/** The fastest round counts, because other programs slow the rest down. */
function costClaims({ costs }: Evaluation): Claim[] {
  const mine = costs.find(({ name }) => name === OURS)!;
  const others = costs.filter(({ name }) => name !== OURS);
  const cheapest = Math.min(...others.map(({ medianUs }) => medianUs));
  return [
    {
      what: "a frame costs, quickest round",
      figure: `${mine.fastestUs.toFixed(2)} µs`,
      limit: `≤ ${FRAME_US} µs`,
      holds: mine.fastestUs <= FRAME_US,
    },
    {
      what: "a frame costs, median",
      figure: `${mine.medianUs.toFixed(2)} µs`,
      limit: `< ${cheapest.toFixed(2)} µs (cheapest fvad mode)`,
      holds: mine.medianUs < cheapest,
    },
  ];
}
