import { type ProbeAnswer, postJson } from "../adapters/http-client/http-probe.js";
import type { CliIo } from "./io.js";
import { loadOperatorSettings } from "./load.js";

type OperatorSettings = NonNullable<ReturnType<typeof loadOperatorSettings>>;

/** Talks to a running relay through its operator listener. */
export class OperatorClient {
  readonly #settings: OperatorSettings;

  constructor(settings: OperatorSettings) {
    this.#settings = settings;
  }

  /** By the settings of the environment; null after their faults were printed. */
  static connect(io: CliIo): OperatorClient | null {
    const settings = loadOperatorSettings(io);
    return settings === null ? null : new OperatorClient(settings);
  }

  post(path: string, body: unknown): Promise<ProbeAnswer> {
    return postJson(this.#url(path), body, this.#settings.adminToken);
  }

  /** Why a request was not answered as expected, with what to do about it. */
  explain({ status, body }: ProbeAnswer): string {
    const { adminHost, adminPort } = this.#settings;
    const where = `${adminHost}:${adminPort}`;
    if (status === 0) return `no relay answers on ${where} (${body}). Start one: npm start`;
    if (status === 401) return `the relay on ${where} expects another ADMIN_TOKEN`;
    return `the relay on ${where} refused: HTTP ${status} ${body}`;
  }

  #url(path: string): string {
    const { adminHost, adminPort } = this.#settings;
    return `http://${connectable(adminHost)}:${adminPort}${path}`;
  }
}

/** An address to connect to, for one to listen on. */
function connectable(host: string): string {
  if (host === "0.0.0.0") return "127.0.0.1";
  if (host === "::" || host === "[::]") return "[::1]";
  return host.includes(":") && !host.startsWith("[") ? `[${host}]` : host;
}
