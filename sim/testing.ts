/**
 * What `import … from "murelay/testing"` gives: the simulated Twilio and the simulated model, with
 * a script or with rules in the place of understanding.
 *
 * ```ts
 * const model = await startModel({ script: { turns: [{ say: "Hello." }] } });
 * const twilio = await startTwilio({ publicUrl: "https://relay.test" });
 * const relay = await createRelay({ settings: { ...simulatedSettings(model, twilio), … } });
 * const { publicPort } = await relay.start();
 * twilio.route("https://relay.test", `http://127.0.0.1:${publicPort}`);
 * const call = twilio.placeCall();
 * ```
 */
import type { SimulatedModel } from "./model.js";
import type { SimulatedTwilio } from "./twilio.js";

export { silence, speechLike } from "./audio/synth.js";
export { type RuleScriptOptions, ruleScript } from "./model/rule-script.js";
export type { Script, ScriptedCall, Turn, TurnContext } from "./model/script.js";
export { type ModelOptions, type SimulatedModel, startModel } from "./model.js";
export type { Callees, Party } from "./twilio/party.js";
export { type SimulatedTwilio, startTwilio, type TwilioOptions } from "./twilio.js";

/** The settings that lead a relay to the simulators, on free ports of loopback. */
export function simulatedSettings(
  model: Pick<SimulatedModel, "apiKey" | "url">,
  twilio: Pick<SimulatedTwilio, "accountSid" | "authToken" | "apiBaseUrl">,
  publicUrl = "https://relay.test",
): Readonly<Record<string, string>> {
  return {
    HOST: "127.0.0.1",
    PORT: "0",
    ADMIN_PORT: "0",
    PUBLIC_URL: publicUrl,
    OPENAI_API_KEY: model.apiKey,
    OPENAI_REALTIME_URL: model.url,
    TWILIO_ACCOUNT_SID: twilio.accountSid,
    TWILIO_AUTH_TOKEN: twilio.authToken,
    TWILIO_API_BASE_URL: twilio.apiBaseUrl,
    // The simulators share the machine: how busy it is says nothing about the relay.
    OVERLOAD_PERCENT: "100",
    LOG_LEVEL: "warn",
  };
}
