import { networkInterfaces } from "node:os";
import { dirname, join, resolve } from "node:path";
import type { Config } from "./load.js";

/** What other modules need from several settings at once. */

/** The `<Stream url>` of one worker of this node. */
export function mediaUrlFor(config: Pick<Config, "mediaUrl" | "nodeName">, worker: number): string {
  return config.mediaUrl
    .replaceAll("{node}", config.nodeName)
    .replaceAll("{worker}", String(worker));
}

/**
 * Where one worker alone listens, beside the port that all workers share. A balancer that routes
 * streams by worker uses PORT+1+n. Otherwise only the supervisor does, so any port of the loopback
 * interface will do.
 */
export function ownListener(
  { host, port, workers, mediaUrl }: Pick<Config, "host" | "port" | "workers" | "mediaUrl">,
  worker: number,
): { readonly host: string; readonly port: number } {
  const isRouted = workers > 1 || mediaUrl.includes("{worker}");
  if (!isRouted) return { host: "127.0.0.1", port: 0 };
  return { host, port: port === 0 ? 0 : port + 1 + worker };
}

/**
 * Where other nodes reach this node's operator listener.
 *
 * @param adminPort  the port that is listened on; null: only ADMIN_PORT is known.
 * @returns          null: the port is chosen by a process that this one does not know.
 */
export function peerUrlFor(
  {
    peerUrl,
    adminHost,
    adminPort: configured,
  }: Pick<Config, "peerUrl" | "adminHost" | "adminPort">,
  adminPort: number | null,
  interfaces: () => ReturnType<typeof networkInterfaces> = networkInterfaces,
): string | null {
  if (peerUrl !== null) return peerUrl;
  const port = adminPort ?? configured;
  if (port === 0) return null;
  const bare = adminHost.replace(/^\[|\]$/g, "");
  const host = bare === "0.0.0.0" || bare === "::" ? ownAddress(interfaces()) : bare;
  return `http://${host.includes(":") ? `[${host}]` : host}:${port}`;
}

/** The first address of this machine that others may reach. */
function ownAddress(interfaces: ReturnType<typeof networkInterfaces>): string {
  const all = Object.values(interfaces).flatMap((addresses) => addresses ?? []);
  const others = all.filter(({ internal, scopeid = 0 }) => !internal && scopeid === 0);
  const first = others.find(({ family }) => family === "IPv4") ?? others[0];
  return first?.address ?? "127.0.0.1";
}

/** Auth tokens whose signatures are accepted; the primary one first. */
export function twilioAuthTokens(
  config: Pick<Config, "twilioAuthToken" | "twilioAuthTokenSecondary">,
): readonly string[] {
  return config.twilioAuthTokenSecondary === null
    ? [config.twilioAuthToken]
    : [config.twilioAuthToken, config.twilioAuthTokenSecondary];
}

/** Account and credentials for Twilio's REST API. */
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

/** Where events of calls wait for the database. */
export function spoolDirectory(config: Pick<Config, "databaseUrl" | "recordingsDir">): string {
  return join(dataDirectory(config), "spool");
}

/** Where the CRM's deliveries wait for it. */
export function crmSpoolDirectory({ recordingsDir }: Pick<Config, "recordingsDir">): string {
  return join(dirname(resolve(recordingsDir)), "crm");
}

/** Beside an SQLite file; beside the recordings where the database is elsewhere. */
function dataDirectory({
  databaseUrl,
  recordingsDir,
}: Pick<Config, "databaseUrl" | "recordingsDir">): string {
  const file = /^(?:sqlite:)?(?!postgres)(.+)$/.exec(databaseUrl)?.[1];
  if (file === undefined || file === ":memory:") return resolve(recordingsDir, "..");
  return dirname(resolve(file));
}

/** Where traces of calls go, and which; null: they are off. Source: OpenTelemetry, SDK variables. */
export function tracesOf(
  config: Pick<
    Config,
    | "otelEndpoint"
    | "otelTracesEndpoint"
    | "otelHeaders"
    | "otelTracesHeaders"
    | "otelTimeoutMs"
    | "otelServiceName"
    | "otelResourceAttributes"
    | "otelSampler"
    | "otelSamplerArg"
    | "otelDisabled"
  >,
) {
  const { otelEndpoint: base, otelTracesEndpoint: own, otelSampler: sampler } = config;
  const url = own ?? (base === null ? null : `${base}/v1/traces`);
  const isOff = config.otelDisabled || sampler?.endsWith("always_off") === true;
  if (url === null || isOff) return null;
  return {
    url,
    headers: config.otelTracesHeaders ?? config.otelHeaders,
    timeoutMs: config.otelTimeoutMs,
    serviceName: config.otelServiceName,
    resourceAttributes: config.otelResourceAttributes,
    ratio: sampler?.endsWith("always_on") === true ? 1 : config.otelSamplerArg,
  };
}
