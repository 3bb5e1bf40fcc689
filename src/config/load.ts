/**
 * Settings, read once: nobody else looks at the environment. What they are: `config/settings.ts`.
 */
import { availableParallelism } from "node:os";
import { readSecretFile } from "../adapters/system/env-files.js";
import { RelayError } from "../domain/errors.js";
import {
  isLoopbackHost,
  SETTINGS,
  type Setting,
  type SettingKey,
  type SettingValues,
} from "./settings.js";

export type Environment = Readonly<Record<string, string | undefined>>;

export interface Config extends Omit<SettingValues, "publicUrl" | "mediaUrl" | "workers"> {
  /** Without a final slash: append paths that begin with one. */
  readonly publicUrl: string;
  /** May hold {node} and {worker}: see mediaUrlFor. */
  readonly mediaUrl: string;
  readonly workers: number;
}

export interface ConfigFault {
  /** The name of the setting, as in the environment. */
  readonly name: string;
  readonly problem: string;
  /** What to do about it. */
  readonly mend: string;
}

/** Settings that cannot be worked with; every fault at once. */
export class ConfigError extends RelayError {
  readonly faults: readonly ConfigFault[];

  constructor(faults: readonly ConfigFault[]) {
    const lines = faults.map((fault) => `  ${fault.name} ${fault.problem}. ${fault.mend}`);
    super("config_invalid", ["settings that need mending:", ...lines].join("\n"));
    this.name = "ConfigError";
    this.faults = faults;
  }
}

/**
 * @param env       the whole environment, `.env` already in it. An empty value counts as unset.
 * @param readFile  reads what `<NAME>_FILE` points at; secrets only.
 * @throws ConfigError with every fault.
 */
export function loadConfig(
  env: Environment,
  readFile: (path: string) => string = readSecretFile,
): Config {
  const faults: ConfigFault[] = [];
  const values: Record<string, unknown> = {};
  for (const [key, setting] of settingEntries()) {
    const read = readSetting(setting, env, readFile);
    if ("problem" in read) faults.push(read);
    else values[key] = read.value;
  }
  // Every key of the table is now either a value or a fault; checkTogether looks only at what is there.
  const known = values as Partial<SettingValues>;
  const publicUrl = known.publicUrl ?? defaultPublicUrl(known);
  checkTogether(known, publicUrl, faults);
  if (faults.length > 0 || publicUrl === null) throw new ConfigError(faults);

  const complete = known as SettingValues;
  return Object.freeze({
    ...complete,
    publicUrl,
    mediaUrl: complete.mediaUrl ?? `${publicUrl.replace(/^http/, "ws")}/media-stream`,
    workers: complete.workers === "auto" ? availableParallelism() : complete.workers,
  });
}

/**
 * Where a running relay answers its operators: all that a command wants that only talks to one.
 *
 * @throws ConfigError with every fault of these settings; others are not looked at.
 */
export function loadOperatorConfig(
  env: Environment,
  readFile: (path: string) => string = readSecretFile,
): Pick<Config, "adminHost" | "adminPort" | "adminToken"> {
  const faults: ConfigFault[] = [];
  const read = <Key extends SettingKey>(key: Key): SettingValues[Key] | undefined => {
    const setting: Setting<unknown> = SETTINGS[key];
    const got = readSetting(setting, env, readFile);
    // What the setting's own schema let pass.
    if (!("problem" in got)) return got.value as SettingValues[Key];
    faults.push(got);
    return undefined;
  };
  const [adminHost, adminPort, adminToken] = [
    read("adminHost"),
    read("adminPort"),
    read("adminToken"),
  ];
  if (adminHost === undefined || adminPort === undefined || adminToken === undefined)
    throw new ConfigError(faults);
  return { adminHost, adminPort, adminToken };
}

/** The `<Stream url>` of one worker of this node. */
export function mediaUrlFor(config: Pick<Config, "mediaUrl" | "nodeName">, worker: number): string {
  return config.mediaUrl
    .replaceAll("{node}", config.nodeName)
    .replaceAll("{worker}", String(worker));
}

/** Tokens whose signatures are good: the primary one first. */
export function twilioAuthTokens(
  config: Pick<Config, "twilioAuthToken" | "twilioAuthTokenSecondary">,
): readonly string[] {
  return config.twilioAuthTokenSecondary === null
    ? [config.twilioAuthToken]
    : [config.twilioAuthToken, config.twilioAuthTokenSecondary];
}

/** How Twilio's REST is reached. */
export function twilioAccount(
  config: Pick<
    Config,
    "twilioAccountSid" | "twilioAuthToken" | "twilioApiKey" | "twilioApiSecret" | "twilioApiBaseUrl"
  >,
) {
  return {
    accountSid: config.twilioAccountSid,
    authToken: config.twilioAuthToken,
    apiKey: config.twilioApiKey,
    apiSecret: config.twilioApiSecret,
    baseUrl: config.twilioApiBaseUrl,
  };
}

export interface ConfigRow {
  readonly name: string;
  /** Redacted: safe to print, to log and to paste into a ticket. */
  readonly value: string;
  readonly isDefault: boolean;
}

/** Every setting in the order of the documentation. Secrets become "(set)", phone numbers their last two digits. */
export function configRows(config: Config): readonly ConfigRow[] {
  return settingEntries().map(([key, setting]) => {
    const value = config[key];
    const text = value === null ? "(none)" : String(value);
    return {
      name: setting.name,
      value: redacted(key, setting, text),
      isDefault: text === (setting.default ?? "(none)"),
    };
  });
}

/** The table's rows with their keys, typed. */
export function settingEntries(): readonly (readonly [SettingKey, Setting<unknown>])[] {
  // Object.entries forgets that the keys of an object literal are closed.
  return Object.entries(SETTINGS) as unknown as readonly (readonly [
    SettingKey,
    Setting<unknown>,
  ])[];
}

function redacted(key: SettingKey, setting: Setting<unknown>, text: string): string {
  if (text === "(none)") return text;
  if (key === "databaseUrl")
    return text.replace(/^(postgres(?:ql)?:\/\/)[^@/]*@/, "$1***@").replace(/\?.*$/, "?***");
  if (key === "humanAgentNumber")
    return `${"•".repeat(Math.max(text.length - 2, 0))}${text.slice(-2)}`;
  return setting.secret ? "(set)" : text;
}

function readSetting(
  setting: Setting<unknown>,
  env: Environment,
  readFile: (path: string) => string,
): ConfigFault | { readonly value: unknown } {
  const { name } = setting;
  const fileName = `${name}_FILE`;
  const path = setting.secret ? env[fileName] : undefined;
  let text = env[name];
  if (path !== undefined && path !== "") {
    if (text !== undefined && text !== "")
      return { name, problem: `is set twice, also by ${fileName}`, mend: "Unset one of the two." };
    try {
      text = readFile(path);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      return {
        name: fileName,
        problem: `cannot be read: ${why}`,
        mend: "Name a file that this user may read.",
      };
    }
  }
  text = text?.trim();
  if (text === undefined || text === "") {
    if (setting.required)
      return { name, problem: "is missing", mend: `Set it: ${example(setting)}` };
    if (setting.default === null) return { value: null };
    text = setting.default;
  }
  const parsed = setting.schema.safeParse(text);
  if (parsed.success) return { value: parsed.data };
  const problem = parsed.error.issues[0]?.message ?? "is not allowed";
  return { name, problem, mend: `Allowed: ${setting.range}.` };
}

function example(setting: Setting<unknown>): string {
  return `${setting.name}=${setting.example}`;
}

/** On a machine of one's own the listener's address is the public one; a port chosen later cannot stand in TwiML. */
function defaultPublicUrl(known: Partial<SettingValues>): string | null {
  const { host, port } = known;
  if (host === undefined || port === undefined || port === 0 || !isLoopbackHost(host)) return null;
  return `http://${host.includes(":") && !host.startsWith("[") ? `[${host}]` : host}:${port}`;
}

/** Rules that take more than one setting. A setting that is itself at fault is not judged again. */
function checkTogether(
  known: Partial<SettingValues>,
  publicUrl: string | null,
  faults: ConfigFault[],
): void {
  const { host, adminHost } = known;
  if (publicUrl === null && !faults.some((fault) => fault.name === "PUBLIC_URL"))
    faults.push({
      name: "PUBLIC_URL",
      problem: "is missing",
      mend: `Set it: ${example(SETTINGS.publicUrl)}`,
    });
  if (known.twilioValidate === false && host !== undefined && !isLoopbackHost(host))
    faults.push({
      name: "TWILIO_VALIDATE",
      problem: `is false while HOST is ${host}, where anybody could place calls`,
      mend: "Remove it, or set HOST=127.0.0.1.",
    });
  if (adminHost !== undefined && !isLoopbackHost(adminHost) && known.adminToken === null)
    faults.push({
      name: "ADMIN_TOKEN",
      problem: `is missing while ADMIN_HOST is ${adminHost}`,
      mend: `Set it: ${example(SETTINGS.adminToken)}`,
    });
  const hasKey = (known.twilioApiKey ?? null) !== null;
  const hasSecret = (known.twilioApiSecret ?? null) !== null;
  if (
    hasKey !== hasSecret &&
    known.twilioApiKey !== undefined &&
    known.twilioApiSecret !== undefined
  ) {
    const [present, missing] = hasKey
      ? (["TWILIO_API_KEY", "TWILIO_API_SECRET"] as const)
      : (["TWILIO_API_SECRET", "TWILIO_API_KEY"] as const);
    faults.push({
      name: missing,
      problem: `is missing while ${present} is set`,
      mend: "Set both or neither.",
    });
  }
  if (known.uplinkPtimeMs !== undefined && known.uplinkIdlePtimeMs !== undefined) {
    if (known.uplinkIdlePtimeMs < known.uplinkPtimeMs)
      faults.push({
        name: "UPLINK_IDLE_PTIME_MS",
        problem: `is below UPLINK_PTIME_MS (${known.uplinkPtimeMs})`,
        mend: "Raise it; equal values turn joining off.",
      });
  }
  if (
    known.port !== undefined &&
    known.port !== 0 &&
    known.port === known.adminPort &&
    host === adminHost
  )
    faults.push({
      name: "ADMIN_PORT",
      problem: "is the same as PORT",
      mend: "Choose another port.",
    });
  const workers = known.workers === "auto" ? availableParallelism() : (known.workers ?? 1);
  const { port = 0, adminPort = 0 } = known;
  if (workers > 1 && port !== 0 && adminPort > port && adminPort <= port + workers)
    faults.push({
      name: "ADMIN_PORT",
      problem: `is the own port of worker ${adminPort - port - 1}`,
      mend: `Choose one outside of ${port}–${port + workers}.`,
    });
}
