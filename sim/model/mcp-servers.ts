/** The remote MCP servers that the simulated model can reach. */
import type { JsonObject } from "./check.js";

export interface McpServer {
  /** Default none. */
  readonly tools?: readonly {
    readonly name: string;
    readonly description?: string;
    readonly inputSchema?: JsonObject;
  }[];
  /** What becomes of listing its tools. Default completed. "hangs": no outcome is reported. */
  readonly listing?: "completed" | "failed" | "hangs";
  /** Default 20. */
  readonly listMs?: number;
}

/** By `server_label`. A server that stands in no entry lists no tools, successfully. */
export type McpServers = Readonly<Record<string, McpServer>>;
