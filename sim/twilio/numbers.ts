/** The account's phone numbers, as IncomingPhoneNumbers of the REST API. */
import { type Params, RestError } from "./rest-error.js";

export interface PhoneNumber {
  readonly sid: string;
  readonly phoneNumber: string;
  voiceUrl: string;
  voiceMethod: string;
  voiceFallbackUrl: string;
  voiceFallbackMethod: string;
  statusCallback: string;
  statusCallbackMethod: string;
  voiceApplicationSid: string;
  trunkSid: string;
  friendlyName: string;
}

const FIELDS = {
  VoiceUrl: "voiceUrl",
  VoiceMethod: "voiceMethod",
  VoiceFallbackUrl: "voiceFallbackUrl",
  VoiceFallbackMethod: "voiceFallbackMethod",
  StatusCallback: "statusCallback",
  StatusCallbackMethod: "statusCallbackMethod",
  VoiceApplicationSid: "voiceApplicationSid",
  TrunkSid: "trunkSid",
  FriendlyName: "friendlyName",
} as const;

export function updateNumber(number: PhoneNumber, params: Params): void {
  for (const [name, value] of params) {
    const field = FIELDS[name as keyof typeof FIELDS];
    if (field === undefined) throw new RestError(400, 20001, `Unknown parameter ${name}`);
    number[field] = value;
  }
  // Setting one of these deletes the other.
  if (params.get("VoiceApplicationSid")) number.trunkSid = "";
  if (params.get("TrunkSid")) number.voiceApplicationSid = "";
}
