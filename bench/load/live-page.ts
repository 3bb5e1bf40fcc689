/** The report of a run that goes on, for a browser on this machine. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Baseline } from "./baseline.js";
import type { ReportData } from "./report-data.js";
import { type ReportSoFar, reportHtml } from "./report-file.js";

/** A page polls every second. From a page's last poll, or from the end of the run. */
const LINGER_MS = 3_000;
/** A page of another site that has its name point here must not read the run. */
const OWN_NAME = /^(?:127\.0\.0\.1|localhost)(?::\d+)?$/;

export class LivePage {
  readonly #server: Server;
  readonly #baseline: Baseline | null;
  readonly #lingerMs: number;
  #data: () => ReportSoFar = () => ({ figures: {}, samples: [] });
  /** Changes with each run: seconds of different runs are not one series. */
  #run = 0;
  #polledMs = Number.NEGATIVE_INFINITY;
  /** Called with the first poll after the end. */
  #ended: (() => void) | null = null;

  /** @param baseline  an earlier run that this one is compared with. */
  constructor(baseline: Baseline | null, lingerMs = LINGER_MS) {
    this.#baseline = baseline;
    this.#lingerMs = lingerMs;
    this.#server = createServer((request, response) => this.#answer(request, response));
  }

  /** @returns the page's address, on loopback. */
  async listen(): Promise<string> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(0, "127.0.0.1", resolve);
    });
    // The run decides how long the process lives.
    this.#server.unref();
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
  }

  /**
   * Shows another run.
   *
   * @param data  asked for at each request: what there is by then.
   */
  show(data: () => ReportSoFar): void {
    this.#run++;
    this.#data = data;
  }

  /**
   * Shows the result. If a page is open, it waits until the page has it, but not for long.
   *
   * @param data  with `text`: the page then stops polling.
   */
  async finish(data: ReportData): Promise<void> {
    // The result of a search need not be that of its last run.
    this.show(() => data);
    if (performance.now() - this.#polledMs > this.#lingerMs) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, this.#lingerMs);
      this.#ended = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  get #current(): ReportSoFar {
    return { ...this.#data(), run: this.#run };
  }

  #answer({ method, url = "/", headers }: IncomingMessage, response: ServerResponse): void {
    const { pathname, searchParams } = new URL(url, "http://127.0.0.1");
    if (!OWN_NAME.test(headers.host ?? ""))
      reply(response, 403, "text/plain", "this machine only\n");
    else if (method !== "GET") reply(response, 405, "text/plain", "method not allowed\n");
    else if (pathname === "/")
      reply(response, 200, "text/html", reportHtml(this.#current, this.#baseline, true));
    else if (pathname === "/data.json") {
      // The page has the seconds before; a long run has many.
      const isSame = Number(searchParams.get("run")) === this.#run;
      const from = isSame ? Number(searchParams.get("from") ?? 0) : 0;
      const data = this.#current;
      const samples = data.samples.filter(({ second }) => second >= from);
      this.#polledMs = performance.now();
      // Only an answer that has the end of the run.
      if (this.#ended !== null) response.once("finish", this.#ended);
      reply(response, 200, "application/json", JSON.stringify({ ...data, samples }));
    } else reply(response, 404, "text/plain", "not found\n");
  }
}

function reply(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, {
    "Content-Type": `${type}; charset=utf-8`,
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
  });
  response.end(body);
}
