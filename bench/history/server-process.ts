/** Starts `server.ts` as a process of its own, so that only the relay's work is on its event loop. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

export interface HistoryServer {
  readonly port: number;
  /** Forgets how long the event loop was kept so far. */
  reset(): Promise<void>;
  /** The longest time since `reset` for which the event loop was kept from its other work. */
  longestBlockMs(): Promise<number>;
  stop(): Promise<void>;
}

export async function startServer(url: string, home: string): Promise<HistoryServer> {
  const child = fork(fileURLToPath(new URL("server.ts", import.meta.url)), [url, home], {
    execArgv: ["--import", "tsx"],
  });
  const answer = async (): Promise<unknown> => {
    const [message] = (await once(child, "message")) as [unknown];
    return message;
  };
  const ask = async (question: string): Promise<number> => {
    const answered = answer();
    child.send(question);
    return Number(await answered);
  };
  const port = Number(await answer());
  return {
    port,
    reset: async () => void (await ask("reset")),
    longestBlockMs: () => ask("report"),
    stop: async () => {
      const gone = once(child, "exit");
      child.disconnect();
      await gone;
    },
  };
}
