import { availableParallelism } from "node:os";
import type { ConfigFault } from "./config-error.js";
import { isLoopbackHost } from "./hosts.js";
import { SETTINGS, type SettingValues } from "./settings.js";

/** Rules that involve more than one setting. A setting that is itself at fault is absent and not judged again. */

type Values = Partial<SettingValues>;
type Rule = (values: Values) => ConfigFault | null;

const MIN_TOKEN_LENGTH = 16;

export function combinationFaults(values: Values): readonly ConfigFault[] {
  return RULES.flatMap((rule) => rule(values) ?? []);
}

const RULES: readonly Rule[] = [
  unprotectedWebhooks,
  unprotectedOperators,
  halfAnApiKey,
  joiningShorterThanFrames,
  samePort,
  portOfAWorker,
  tooManyPorts,
  databaseOfOneProcess,
];

function unprotectedWebhooks({ twilioValidate, host }: Values): ConfigFault | null {
  if (twilioValidate !== false || host === undefined || isLoopbackHost(host)) return null;
  return {
    name: "TWILIO_VALIDATE",
    problem: `is false while HOST is ${host}, so that anyone on the network could place calls`,
    fix: "Remove it, or set HOST=127.0.0.1.",
  };
}

function unprotectedOperators(values: Values): ConfigFault | null {
  const { adminHost, adminToken, operatorsFile } = values;
  if (adminHost === undefined || isLoopbackHost(adminHost) || adminToken === undefined) return null;
  if (adminToken === null && typeof operatorsFile === "string") return null;
  const name = "ADMIN_TOKEN";
  const fix = `Set it: ADMIN_TOKEN=${SETTINGS.adminToken.example}`;
  if (adminToken === null)
    return { name, problem: `is missing while ADMIN_HOST is ${adminHost}`, fix };
  if (adminToken.length >= MIN_TOKEN_LENGTH) return null;
  const problem = `has fewer than ${MIN_TOKEN_LENGTH} characters while ADMIN_HOST is ${adminHost}`;
  return { name, problem, fix };
}

function halfAnApiKey({ twilioApiKey: key, twilioApiSecret: secret }: Values): ConfigFault | null {
  if (key === undefined || secret === undefined || (key === null) === (secret === null))
    return null;
  const [present, missing] =
    secret === null
      ? ["TWILIO_API_KEY", "TWILIO_API_SECRET"]
      : ["TWILIO_API_SECRET", "TWILIO_API_KEY"];
  return {
    name: missing,
    problem: `is missing while ${present} is set`,
    fix: "Set both or neither.",
  };
}

function joiningShorterThanFrames({
  uplinkPtimeMs: talking,
  uplinkIdlePtimeMs: idle,
}: Values): ConfigFault | null {
  if (talking === undefined || idle === undefined || idle >= talking) return null;
  return {
    name: "UPLINK_IDLE_PTIME_MS",
    problem: `is below UPLINK_PTIME_MS (${talking})`,
    fix: "Raise it. With equal values frames are not joined.",
  };
}

function samePort({ host, port, adminHost, adminPort }: Values): ConfigFault | null {
  if (port === undefined || port === 0 || port !== adminPort || host !== adminHost) return null;
  return { name: "ADMIN_PORT", problem: "is the same as PORT", fix: "Choose another port." };
}

function portOfAWorker(values: Values): ConfigFault | null {
  const { port = 0, adminPort = 0 } = values;
  const workers = workerCount(values);
  if (workers < 2 || port === 0 || adminPort <= port || adminPort > port + workers) return null;
  return {
    name: "ADMIN_PORT",
    problem: `is the own port of worker ${adminPort - port - 1}`,
    fix: `Choose one outside ${port}–${port + workers}.`,
  };
}

function tooManyPorts(values: Values): ConfigFault | null {
  const { port = 0 } = values;
  const workers = workerCount(values);
  if (workers < 2 || port === 0 || port + workers <= 65_535) return null;
  return {
    name: "PORT",
    problem: `leaves no port for worker ${workers - 1}, which listens on PORT+${workers}`,
    fix: `Choose a port up to ${65_535 - workers}.`,
  };
}

function databaseOfOneProcess(values: Values): ConfigFault | null {
  if (workerCount(values) < 2 || values.databaseUrl !== "sqlite::memory:") return null;
  return {
    name: "DATABASE_URL",
    problem: "is a database in memory, which several workers cannot share",
    fix: "Name a file, for example DATABASE_URL=sqlite:data/murelay.db, or set WORKERS=1.",
  };
}

function workerCount({ workers }: Values): number {
  return workers === "auto" ? availableParallelism() : (workers ?? 1);
}
