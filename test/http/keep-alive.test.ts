import { Agent, request } from "node:http";
import { afterEach, describe, expect, it } from "vitest";
import { signatureHeader } from "../../sim/twilio/signature.js";
import { PUBLIC_URL, type Stage, startStage } from "../fakes/stage.js";

const FORM = { CallSid: `CA${"1".repeat(32)}`, CallStatus: "completed" };

let stage: Stage | null = null;
afterEach(async () => {
  await stage?.close();
  stage = null;
});

describe("the public listener", () => {
  it("answers one request after another on a connection that is kept, callbacks (204) among them", async () => {
    stage = await startStage({ turns: [] });
    const { twilio, publicPort } = stage;
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const sockets = new Set<unknown>();
    const post = (path: string): Promise<number | undefined> =>
      new Promise((resolve, reject) => {
        const form = new URLSearchParams(FORM).toString();
        const headers = {
          ...signatureHeader(twilio.authToken, `${PUBLIC_URL}${path}`, FORM, null, ""),
          "content-type": "application/x-www-form-urlencoded",
          "content-length": form.length,
        };
        const outgoing = request(
          { port: publicPort, path, method: "POST", agent, headers },
          (response) => {
            response.resume();
            response.on("end", () => resolve(response.statusCode));
          },
        );
        outgoing.on("socket", (socket) => sockets.add(socket));
        outgoing.on("error", reject);
        outgoing.end(form);
      });
    const statuses = [];
    for (const path of ["/stream-status", "/call-status", "/connect-ended", "/call-status"]) {
      statuses.push(await post(path));
    }
    agent.destroy();
    expect(statuses).toEqual([204, 204, 200, 204]);
    expect(sockets.size).toBe(1);
  });
});
