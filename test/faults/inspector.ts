import { once } from "node:events";
import { readdirSync } from "node:fs";
import { WebSocket } from "ws";

export interface Resources {
  /** Heap and buffers after a full collection, in bytes. */
  readonly memory: number;
  readonly descriptors: number;
  readonly timers: number;
}

/** Looks into the relay from outside, by the inspector that the run has switched on. */
export class Inspector {
  readonly #socket: WebSocket;
  readonly #pid: number;
  /** Rejects when the relay is gone: no answer follows then. */
  readonly #gone: Promise<never>;
  #id = 0;

  private constructor(socket: WebSocket, pid: number) {
    this.#socket = socket;
    this.#pid = pid;
    this.#gone = once(socket, "close").then(() => {
      throw new Error(`the relay's process ${pid} is gone`);
    });
    this.#gone.catch(() => undefined);
  }

  static async connect(url: string, pid: number): Promise<Inspector> {
    const socket = new WebSocket(url, { perMessageDeflate: false });
    await once(socket, "open");
    return new Inspector(socket, pid);
  }

  async resources(): Promise<Resources> {
    for (let i = 0; i < 2; i++) await this.#ask("HeapProfiler.collectGarbage", {});
    const expression =
      "(() => { const m = process.memoryUsage(); const open = process.getActiveResourcesInfo();" +
      "return JSON.stringify({ memory: m.heapUsed + m.external, " +
      "timers: open.filter((kind) => kind === 'Timeout').length }); })()";
    const answer = await this.#ask("Runtime.evaluate", { expression, returnByValue: true });
    const { value } = (answer as { result: { value: string } }).result;
    const descriptors = readdirSync(`/proc/${this.#pid}/fd`).length;
    return { ...(JSON.parse(value) as { memory: number; timers: number }), descriptors };
  }

  close(): void {
    this.#socket.close();
  }

  async #ask(method: string, params: object): Promise<unknown> {
    const id = ++this.#id;
    this.#socket.send(JSON.stringify({ id, method, params }));
    for (;;) {
      const answer = await Promise.race([once(this.#socket, "message"), this.#gone]);
      const [data] = answer as [Buffer];
      const message = JSON.parse(data.toString()) as { id?: number; result?: unknown };
      if (message.id === id) return message.result;
    }
  }
}
