import { describe, expect, it } from "vitest";
import { mediaUrlFor, twilioAccount, twilioAuthTokens } from "../../src/config/derived.js";
import { type Environment, loadConfig } from "../../src/config/load.js";

const REQUIRED = {
  OPENAI_API_KEY: "sk-secret-openai",
  TWILIO_ACCOUNT_SID: "AC00000000000000000000000000000000",
  TWILIO_AUTH_TOKEN: "secret-twilio",
  PUBLIC_URL: "https://relay.example.com",
};
const load = (env: Environment) => loadConfig({ ...REQUIRED, ...env });

describe("derived settings", () => {
  it("fills node and worker into MEDIA_URL", () => {
    const config = load({
      MEDIA_URL: "wss://m.example/{node}/{worker}/media-stream",
      NODE_NAME: "n7",
    });
    expect(mediaUrlFor(config, 3)).toBe("wss://m.example/n7/3/media-stream");
  });

  it("gives both tokens while one is rotated", () => {
    expect(twilioAuthTokens(load({}))).toEqual(["secret-twilio"]);
    expect(twilioAuthTokens(load({ TWILIO_AUTH_TOKEN_SECONDARY: "next" }))).toEqual([
      "secret-twilio",
      "next",
    ]);
  });

  it("give Twilio's REST API the key where there is one, and the token beside it", () => {
    const key = { TWILIO_API_KEY: "SK1", TWILIO_API_SECRET: "s" };
    expect(twilioAccount(load(key))).toEqual({
      accountSid: REQUIRED.TWILIO_ACCOUNT_SID,
      authToken: "secret-twilio",
      apiKey: "SK1",
      apiSecret: "s",
      baseUrl: "https://api.twilio.com",
    });
  });
});
