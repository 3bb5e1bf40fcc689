import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { listTwilioTrunks } from "../../../src/adapters/twilio/trunks.js";

let server: Server;
let pages: Record<string, object>;
let status = 200;

beforeEach(async () => {
  status = 200;
  server = createServer((request, response) => {
    const path = new URL(request.url ?? "", "http://x").pathname;
    response
      .writeHead(status, { "content-type": "application/json" })
      .end(JSON.stringify(pages[path] ?? {}));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

const account = () => ({
  accountSid: `AC${"1".repeat(32)}`,
  authToken: "token",
  apiKey: null,
  apiSecret: null,
  baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
});
const meta = (key: string) => ({ meta: { key, next_page_url: null } });

describe("the account's SIP trunks", () => {
  it("are listed with their numbers and enabled origination URIs, best first", async () => {
    pages = {
      "/v1/Trunks": {
        ...meta("trunks"),
        trunks: [{ sid: "TK1", friendly_name: "Main", transfer_mode: "sip-only", secure: true }],
      },
      "/v1/Trunks/TK1/OriginationUrls": {
        ...meta("origination_urls"),
        origination_urls: [
          { sip_url: "sip:second", priority: 20, enabled: true },
          { sip_url: "sip:first", priority: 10, enabled: true },
          { sip_url: "sip:off", priority: 1, enabled: false },
        ],
      },
      "/v1/Trunks/TK1/PhoneNumbers": {
        ...meta("phone_numbers"),
        phone_numbers: [{ phone_number: "+15550001111" }],
      },
    };
    expect(await listTwilioTrunks(account(), () => 0)).toEqual([
      {
        sid: "TK1",
        name: "Main",
        originationUris: ["sip:first", "sip:second"],
        numbers: ["+15550001111"],
        transfer: "sip-only",
        secure: true,
        disasterRecoveryUrl: "",
      },
    ]);
  });

  it("have a default for what Twilio leaves out", async () => {
    pages = { "/v1/Trunks": { ...meta("trunks"), trunks: [{ sid: "TK1" }] } };
    for (const part of ["origination_urls", "phone_numbers"]) {
      const name = part === "phone_numbers" ? "PhoneNumbers" : "OriginationUrls";
      pages[`/v1/Trunks/TK1/${name}`] = { ...meta(part), [part]: [] };
    }
    expect(await listTwilioTrunks(account(), () => 0)).toMatchObject([
      { name: "TK1", transfer: "disable-all", secure: false, disasterRecoveryUrl: "" },
    ]);
  });

  it("fail with a code", async () => {
    status = 401;
    pages = { "/v1/Trunks": { code: 20003, message: "Authenticate", status: 401 } };
    await expect(listTwilioTrunks(account(), () => 0)).rejects.toMatchObject({
      code: "twilio_unauthorized",
    });
  });
});
