/**
 * Reads the settings once, at start. No other module looks at the environment. The settings
 * themselves are declared in `settings.ts`.
 */

import { availableParallelism } from "node:os";
import { readSecretFile } from "../adapters/system/env-files.js";
import { combinationFaults } from "./combinations.js";
import { ConfigError, type ConfigFault } from "./config-error.js";
import { isLoopbackHost } from "./hosts.js";
import { nearest } from "./nearest.js";
import { readProblem } from "./read-problem.js";
import type { Setting } from "./setting.js";
import { SETTINGS, type SettingKey, type SettingValues } from "./settings.js";

export type Environment = Readonly<Record<string, string | undefined>>;

export interface Config extends Omit<SettingValues, "publicUrl" | "mediaUrl" | "workers"> {
  /** Scheme and host, without a final slash: append paths that begin with one. */
  readonly publicUrl: string;
  /** May contain {node} and {worker}: see mediaUrlFor. */
  readonly mediaUrl: string;
  readonly workers: number;
}

export type ReadFile = (path: string) => string;

/** What the environment says, faults included. */
export interface ReadSettings {
  /** A setting with a fault is absent. */
  readonly values: Partial<SettingValues>;
  /** PUBLIC_URL or its default; null when there is neither. */
  readonly publicUrl: string | null;
  readonly faults: readonly ConfigFault[];
}

/**
 * @param env       the whole environment, merged with `.env`. An empty value counts as not set.
 * @param readFile  reads the file that `<NAME>_FILE` names; for secrets only.
 */
export function readSettings(env: Environment, readFile: ReadFile = readSecretFile): ReadSettings {
  const faults: ConfigFault[] = [];
  const read: Record<string, unknown> = {};
  for (const [key, setting] of settingEntries()) {
    const result = readSetting(setting, env, readFile);
    if ("problem" in result) faults.push(result);
    else read[key] = result.value;
  }
  // Each value came from its own setting's schema.
  const values = read as Partial<SettingValues>;
  const publicUrl = values.publicUrl ?? defaultPublicUrl(values);
  if (publicUrl === null && !faults.some(({ name }) => name === "PUBLIC_URL"))
    faults.push(missing(SETTINGS.publicUrl, env));
  faults.push(...combinationFaults(values));
  return { values, publicUrl, faults };
}

/** @throws ConfigError with every fault. */
export function loadConfig(env: Environment, readFile: ReadFile = readSecretFile): Config {
  const { values, publicUrl, faults } = readSettings(env, readFile);
  if (faults.length > 0 || publicUrl === null) throw new ConfigError(faults);
  // Without a fault no value is absent.
  const complete = values as SettingValues;
  return Object.freeze({
    ...complete,
    publicUrl,
    mediaUrl: complete.mediaUrl ?? `${publicUrl.replace(/^http/, "ws")}/media-stream`,
    workers: complete.workers === "auto" ? availableParallelism() : complete.workers,
  });
}

/**
 * The address and token of a running relay's operator listener, for commands that only talk to one.
 *
 * @throws ConfigError with every fault of these settings; others are not looked at.
 */
export function loadOperatorConfig(
  env: Environment,
  readFile: ReadFile = readSecretFile,
): Pick<Config, "adminHost" | "adminPort" | "adminToken"> {
  const faults: ConfigFault[] = [];
  const read = <Key extends SettingKey>(key: Key): SettingValues[Key] | undefined => {
    const setting: Setting<unknown> = SETTINGS[key];
    const result = readSetting(setting, env, readFile);
    // The value came from this setting's schema.
    if (!("problem" in result)) return result.value as SettingValues[Key];
    faults.push(result);
    return undefined;
  };
  const adminHost = read("adminHost");
  const adminPort = read("adminPort");
  const adminToken = read("adminToken");
  if (adminHost === undefined || adminPort === undefined || adminToken === undefined)
    throw new ConfigError(faults);
  return { adminHost, adminPort, adminToken };
}

/** The table's rows with their keys, typed. */
export function settingEntries(): readonly (readonly [SettingKey, Setting<unknown>])[] {
  // Object.entries loses the keys' type, although those of an object literal are all known.
  return Object.entries(SETTINGS) as unknown as readonly (readonly [
    SettingKey,
    Setting<unknown>,
  ])[];
}

function readSetting(
  setting: Setting<unknown>,
  env: Environment,
  readFile: ReadFile,
): ConfigFault | { readonly value: unknown } {
  const { name, alias } = setting;
  const given = env[name] || (alias === null ? undefined : env[alias]);
  const found = setting.secret ? withFile(setting, given, env, readFile) : given;
  if (typeof found === "object") return found;
  const text = found?.trim() || setting.default;
  if (text === null) return setting.required ? missing(setting, env) : { value: null };
  const parsed = setting.schema.safeParse(text);
  if (parsed.success) return { value: parsed.data };
  const problem = parsed.error.issues[0]?.message ?? "is not allowed";
  return { name, problem, fix: `Allowed: ${setting.range}.` };
}

/** The value of a secret: given as such, or in the file that NAME_FILE names. */
function withFile(
  { name }: Setting<unknown>,
  given: string | undefined,
  env: Environment,
  readFile: ReadFile,
): string | undefined | ConfigFault {
  const fileName = `${name}_FILE`;
  const path = env[fileName];
  if (path === undefined || path === "") return given;
  if (given !== undefined && given !== "")
    return { name, problem: `is set twice, also by ${fileName}`, fix: "Unset one of the two." };
  try {
    return readFile(path);
  } catch (error) {
    return {
      name: fileName,
      problem: `cannot be read: ${readProblem(error)}`,
      fix: "Name a file that this user may read.",
    };
  }
}

function missing(setting: Setting<unknown>, env: Environment): ConfigFault {
  const others = Object.keys(env).filter((name) => env[name] !== "" && !KNOWN_NAMES.has(name));
  const typo = nearest(setting.name, others);
  return {
    name: setting.name,
    problem:
      typo === null ? "is missing" : `is missing (but ${typo} is set: is that a typing error?)`,
    fix: `Set it: ${setting.name}=${setting.example}`,
  };
}

/** All names that settings are read from. */
export const KNOWN_NAMES: ReadonlySet<string> = new Set(
  settingEntries().flatMap(([, { name, alias, secret }]) => [
    name,
    ...(alias === null ? [] : [alias]),
    ...(secret ? [`${name}_FILE`] : []),
  ]),
);

/**
 * On loopback the listener's own address is the public one. A port that is chosen later cannot be
 * known here.
 */
function defaultPublicUrl({ host, port }: Partial<SettingValues>): string | null {
  if (host === undefined || port === undefined || port === 0 || !isLoopbackHost(host)) return null;
  return `http://${host.includes(":") && !host.startsWith("[") ? `[${host}]` : host}:${port}`;
}
