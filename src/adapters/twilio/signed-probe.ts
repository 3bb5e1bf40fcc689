/** Requests as Twilio makes them, signed with our own token, for `doctor`. */
import { randomBytes } from "node:crypto";
import twilio from "twilio";
import { type ProbeAnswer, postText } from "../http-client/http-probe.js";
import { startRequest } from "../network/http-request.js";
import type { Network } from "../network/network.js";

const TIMEOUT_MS = 8_000;

/** @param form  at most one value for each name. */
export function signedPost(
  url: string,
  authToken: string,
  form: Readonly<Record<string, string>>,
  network: Network,
): Promise<ProbeAnswer> {
  const headers = {
    "content-type": "application/x-www-form-urlencoded",
    "x-twilio-signature": twilio.getExpectedTwilioSignature(authToken, url, form),
  };
  return postText(url, new URLSearchParams(form).toString(), headers, network);
}

export interface UpgradeAnswer {
  /** 101: the WebSocket is open (and closed again). 0: no answer; `reason` then says why. */
  readonly status: number;
  readonly reason: string;
}

/** @param url  of the stream, wss:// or ws://. */
export function signedUpgrade(
  url: string,
  authToken: string,
  network: Network,
): Promise<UpgradeAnswer> {
  const headers = {
    connection: "Upgrade",
    upgrade: "websocket",
    "sec-websocket-version": "13",
    "sec-websocket-key": randomBytes(16).toString("base64"),
    "x-twilio-signature": twilio.getExpectedTwilioSignature(authToken, url, {}),
  };
  const address = new URL(url.replace(/^ws/, "http"));
  const request = startRequest(address, { headers, timeout: TIMEOUT_MS }, network.agents());
  return new Promise((resolve) => {
    const end = (status: number, reason: string): void => {
      request.destroy();
      resolve({ status, reason });
    };
    request.on("upgrade", (_response, socket) => {
      socket.on("error", () => undefined);
      socket.destroy();
      end(101, "");
    });
    request.on("response", (response) => end(response.statusCode ?? 0, ""));
    request.on("timeout", () => end(0, `no answer in ${TIMEOUT_MS / 1000} s`));
    request.on("error", (error: NodeJS.ErrnoException) => end(0, error.code ?? error.message));
    request.end();
  });
}
