import { readPriceTable } from "../../config/agents/price-table.js";
import { DEFAULT_MODEL } from "../../config/settings.js";
import { RelayError } from "../../domain/errors.js";
import { type CliIo, EXIT_OK, EXIT_USAGE } from "../io.js";
import { type Capacity, capacityFor, type Demand } from "./capacity.js";
import { ASSUMED, MEASURED, PLANNED_SHARE, TRANSCRIPTION_MODEL } from "./figures.js";

export interface CapacityOptions {
  readonly calls: string;
  readonly minutes: string;
  readonly responses: string;
  readonly callsPerCore?: string;
  readonly model?: string;
  /** A price list. */
  readonly prices?: string;
  readonly json?: boolean;
}

/** Prints what a number of simultaneous calls takes, without a connection to anything. */
export function capacity(io: CliIo, options: CapacityOptions): number {
  const { calls, minutes, responses, callsPerCore = String(MEASURED.callsPerCore) } = options;
  const given = { calls, minutes, responses, "calls-per-core": callsPerCore };
  for (const [name, text] of Object.entries(given)) {
    if (Number(text) > 0 && Number.isFinite(Number(text))) continue;
    io.err(`--${name} must be a number above 0`);
    return EXIT_USAGE;
  }
  const demand: Demand = {
    calls: Math.ceil(Number(calls)),
    minutesPerCall: Number(minutes),
    responsesPerMinute: Number(responses),
    callsPerCore: Number(callsPerCore),
    model: options.model ?? io.env["OPENAI_REALTIME_MODEL"] ?? DEFAULT_MODEL,
  };
  try {
    const prices = readPriceTable(options.prices ?? null);
    const needed = capacityFor(demand, prices);
    if (options.json === true) io.out(JSON.stringify({ ...demand, ...needed }, null, 2));
    else for (const line of capacityLines(demand, needed, prices.asOf)) io.out(line);
    return EXIT_OK;
  } catch (error) {
    if (!(error instanceof RelayError) || error.code !== "config_invalid") throw error;
    io.err(error.message);
    return EXIT_USAGE;
  }
}

function capacityLines(demand: Demand, needed: Capacity, pricesOf: string): string[] {
  const { calls, minutesPerCall, model } = demand;
  const percent = PLANNED_SHARE * 100;
  const starts = needed.callStartsPerSecond;
  const rows: [string, string, string][] = [
    [
      "workers",
      count(needed.workers),
      `${needed.callsPerWorker} calls each, ${percent} % of a core`,
    ],
    ["cores", count(needed.cores), "one for each worker, one for supervisor, kernel and TLS"],
    ["memory", `${count(needed.memoryMb)} MB`, "workers, supervisor, calls over TLS"],
    ["sockets", count(needed.sockets), "file descriptors: LimitNOFILE"],
    ["network", `${count(needed.relayMbit)} Mbit/s`, "at the relay, both directions together"],
    ["load balancer", `${count(needed.balancerMbit)} Mbit/s`, "each way, where there is one"],
    ["call starts", `${decimal(starts)} per s`, `calls of ${minutesPerCall} min`],
    ["database", `${decimal(needed.databaseRowsPerSecond)} rows/s`, databaseAdvice(needed.workers)],
    ["records", `${decimal(needed.recordsGbPerDay)} GB per day`, "at this load all day"],
    [
      "OpenAI",
      `${count(needed.modelTokensPerMinute)} tokens/min`,
      "the account's TPM for the model",
    ],
    ["OpenAI", `${count(needed.modelResponsesPerMinute)} responses/min`, "the account's RPM"],
    ["Twilio", `${decimal(starts)} calls/s`, "for outbound calls; the default is 1 per second"],
    costRow(model, needed.modelUsdPerHour, pricesOf),
    costRow(TRANSCRIPTION_MODEL, needed.transcriptionUsdPerHour, pricesOf),
  ];
  const width = Math.max(...rows.map(([, value]) => value.length));
  return [
    `${calls} simultaneous calls:`,
    ...rows.map(([name, value, note]) => `  ${name.padEnd(13)}  ${value.padEnd(width)}  ${note}`),
    "",
    `Assumed of a minute: ${demand.responsesPerMinute} responses, ${ASSUMED.callerSeconds} s of the caller and ` +
      `${ASSUMED.agentSeconds} s of the agent speaking, ${ASSUMED.instructionTokens} tokens of`,
    `instructions and tools, ${ASSUMED.conversationTokens} tokens of conversation so far. ` +
      "Twilio's own prices come on top. A call",
    "record says what a call really cost.",
    `A core carries ${demand.callsPerCore} calls at its limit: measure your own machine with`,
    "`murelay bench --find-max`, and pass it with --calls-per-core. See docs/scaling.md.",
  ];
}

function costRow(model: string, usd: number | null, pricesOf: string): [string, string, string] {
  return usd === null
    ? ["cost", "unknown", `the price list does not have ${model}`]
    : ["cost", `$${dollars(usd)} per hour`, `${model}, at prices of ${pricesOf}`];
}

function databaseAdvice(workers: number): string {
  return workers > 1 ? "PostgreSQL, because there are several workers" : "SQLite is enough";
}

function count(value: number): string {
  return Math.ceil(value).toLocaleString("en-US");
}

function dollars(usd: number): string {
  const digits = usd < 100 ? 2 : 0;
  return usd.toLocaleString("en-US", {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}

function decimal(value: number): string {
  const maximumFractionDigits = value < 1 ? 3 : 1;
  return value.toLocaleString("en-US", { maximumFractionDigits });
}
