/**
 * The part of Twilio's REST that a relay needs while calls run. Every request succeeds, and updates
 * of a call are passed on. Under /tools/ are the tools of `tools.agents.yaml`, each with its own
 * fault.
 */
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Meters } from "./meters.js";

export class TwilioRestServer {
  readonly #server: Server;

  /** @param updated  a call was given new TwiML or ended: its stream is over. */
  constructor(meters: Meters, updated: (callSid: string) => void) {
    this.#server = createServer((request, response) => {
      if (request.url?.startsWith("/tools/") === true) {
        badTool(request.url.slice("/tools/".length), response);
        return;
      }
      meters.restRequests++;
      let body = "";
      request.on("data", (chunk: Buffer) => {
        body += chunk.toString("latin1");
      });
      request.on("end", () => {
        const form = new URLSearchParams(body);
        const callSid = /\/Calls\/(CA[0-9a-zA-Z]+)\.json/.exec(request.url ?? "")?.[1];
        const ends = form.has("Twiml") || form.has("Url") || form.get("Status") === "completed";
        const status = form.get("Status") === "completed" ? "completed" : "in-progress";
        response.writeHead(request.method === "POST" && callSid === undefined ? 201 : 200, {
          "content-type": "application/json",
        });
        response.end(
          JSON.stringify({ sid: callSid ?? "RE00000000000000000000000000000000", status }),
        );
        if (callSid !== undefined && ends) updated(callSid);
      });
    });
  }

  listen(port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(port, "127.0.0.1", () => {
        const address = this.#server.address() as AddressInfo;
        resolve(address.port);
      });
    });
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}

function badTool(kind: string, response: ServerResponse): void {
  switch (kind) {
    case "hang":
      return;
    case "huge": {
      response.writeHead(200, { "content-type": "application/json" });
      const piece = Buffer.alloc(256 * 1024, 0x61);
      // 10 MB, unless the relay has had enough before.
      let left = 40;
      const more = (): void => {
        while (left-- > 0 && !response.destroyed) if (!response.write(piece)) return;
        if (!response.destroyed) response.end();
      };
      response.on("drain", more);
      response.on("error", () => {});
      more();
      return;
    }
    case "invalid":
      response.writeHead(200, { "content-type": "application/json" });
      response.end('{"almost":');
      return;
    case "redirect":
      response.writeHead(302, { location: "http://169.254.169.254/latest/meta-data/" });
      response.end();
      return;
    default:
      response.writeHead(200, { "content-type": "application/json" });
      response.end('{"ok":true}');
  }
}
