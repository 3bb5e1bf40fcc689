/**
 * The price list of the models, with its date. `prices.yaml` is shipped; an agents file may name
 * another.
 */

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import { z } from "zod";
import { RelayError } from "../../domain/errors.js";
import type { PriceTable } from "../../records/cost.js";
import { readProblem } from "../read-problem.js";

const usd = z.number().min(0).default(0);

const tableSchema = z.strictObject({
  as_of: z.string().regex(/^\d{4}-\d{2}-\d{2}$/, "must be a day, YYYY-MM-DD"),
  models: z.record(
    z.string(),
    z.strictObject({
      input_text: usd,
      cached_text: usd,
      output_text: usd,
      input_audio: usd,
      cached_audio: usd,
      output_audio: usd,
      input_image: usd,
      cached_image: usd,
    }),
  ),
  transcription: z
    .record(z.string(), z.strictObject({ per_minute: usd, per_million_tokens: usd }))
    .default({}),
});

/** Three folders up from here, both from `src` and from `dist`. */
const SHIPPED = fileURLToPath(new URL("../../../prices.yaml", import.meta.url));

/**
 * @param path  absolute; null reads the shipped list.
 * @throws RelayError config_invalid when it cannot be read or is not a price list.
 */
export function readPriceTable(path: string | null = null): PriceTable {
  const file = path ?? SHIPPED;
  let read: unknown;
  try {
    // The core schema keeps `as_of` as text. YAML 1.1 would read it as a date.
    read = parse(readFileSync(file, "utf8"), { schema: "core" });
  } catch (error) {
    const why = readProblem(error);
    throw new RelayError("config_invalid", `the price list ${file} cannot be read: ${why}`, {
      cause: error,
    });
  }
  const parsed = tableSchema.safeParse(read);
  if (!parsed.success) {
    const faults = parsed.error.issues.map(
      ({ path: at, message }) => `  ${at.join(".")} ${message}`,
    );
    throw new RelayError(
      "config_invalid",
      [`the price list ${file} has faults:`, ...faults].join("\n"),
    );
  }
  const { as_of: asOf, models, transcription } = parsed.data;
  return {
    asOf,
    models: new Map(
      Object.entries(models).map(([name, price]) => [
        name,
        {
          inputText: price.input_text,
          inputAudio: price.input_audio,
          inputImage: price.input_image,
          cachedText: price.cached_text,
          cachedAudio: price.cached_audio,
          cachedImage: price.cached_image,
          outputText: price.output_text,
          outputAudio: price.output_audio,
        },
      ]),
    ),
    transcription: new Map(
      Object.entries(transcription).map(([name, price]) => [
        name,
        { perMinute: price.per_minute, perMillionTokens: price.per_million_tokens },
      ]),
    ),
  };
}
