/** Resources as Twilio's REST shows them: snake case, dates in RFC 2822. */

import type { CallLeg } from "./call-leg.js";
import type { Conference, Participant } from "./conference-types.js";
import type { TwilioContext } from "./context.js";
import type { PhoneNumber } from "./numbers.js";
import type { Recording } from "./recordings.js";

function date(value: Date | null): string | null {
  return value === null ? null : value.toUTCString().replace("GMT", "+0000");
}

function uri(twilio: TwilioContext, path: string): string {
  return `/2010-04-01/Accounts/${twilio.accountSid}${path}.json`;
}

function base(twilio: TwilioContext, sid: string, createdAt: Date) {
  return {
    sid,
    account_sid: twilio.accountSid,
    api_version: "2010-04-01",
    date_created: date(createdAt),
    date_updated: date(new Date()),
  };
}

export function callJson(twilio: TwilioContext, leg: CallLeg): unknown {
  return {
    ...base(twilio, leg.sid, leg.createdAt),
    parent_call_sid: leg.parentSid,
    to: leg.to,
    to_formatted: leg.to,
    from: leg.from,
    from_formatted: leg.from,
    phone_number_sid: null,
    status: leg.status,
    start_time: date(leg.startedAt),
    end_time: date(leg.endedAt),
    duration: leg.over ? String(leg.durationS) : null,
    price: null,
    price_unit: "USD",
    direction: leg.direction,
    answered_by: leg.answeredBy,
    forwarded_from: null,
    group_sid: null,
    caller_name: null,
    queue_time: "0",
    trunk_sid: null,
    uri: uri(twilio, `/Calls/${leg.sid}`),
    subresource_uris: {},
  };
}

export function recordingJson(twilio: TwilioContext, recording: Recording): unknown {
  return {
    ...base(twilio, recording.sid, recording.startedAt),
    call_sid: recording.leg.sid,
    conference_sid: null,
    start_time: date(recording.startedAt),
    duration: recording.status === "completed" ? String(recording.durationS) : null,
    channels: recording.channels,
    source: "StartCallRecordingAPI",
    status: recording.status,
    track: "both",
    price: null,
    price_unit: null,
    error_code: null,
    encryption_details: null,
    uri: uri(twilio, `/Calls/${recording.leg.sid}/Recordings/${recording.sid}`),
  };
}

export function conferenceJson(twilio: TwilioContext, conference: Conference): unknown {
  return {
    ...base(twilio, conference.sid, conference.createdAt),
    friendly_name: conference.name,
    region: "us1",
    status: conference.status,
    reason_conference_ended: null,
    call_sid_ending_conference: null,
    uri: uri(twilio, `/Conferences/${conference.sid}`),
    subresource_uris: {},
  };
}

export function participantJson(
  twilio: TwilioContext,
  conference: Conference,
  participant: Participant,
): unknown {
  const { leg, settings } = participant;
  return {
    ...base(twilio, leg.sid, leg.createdAt),
    call_sid: leg.sid,
    conference_sid: conference.sid,
    label: settings.label,
    muted: settings.muted,
    hold: settings.hold,
    coaching: settings.coaches !== null,
    call_sid_to_coach: settings.coaches,
    start_conference_on_enter: settings.startOnEnter,
    end_conference_on_exit: settings.endOnExit,
    status: "connected",
    queue_time: "0",
    uri: uri(twilio, `/Conferences/${conference.sid}/Participants/${leg.sid}`),
  };
}

export function newParticipantJson(
  twilio: TwilioContext,
  conference: Conference,
  leg: CallLeg,
  label: string | null,
): unknown {
  return {
    ...base(twilio, leg.sid, leg.createdAt),
    call_sid: leg.sid,
    conference_sid: conference.sid,
    label,
    muted: false,
    hold: false,
    coaching: false,
    call_sid_to_coach: null,
    start_conference_on_enter: true,
    end_conference_on_exit: false,
    status: "queued",
    queue_time: "0",
    uri: uri(twilio, `/Conferences/${conference.sid}/Participants/${leg.sid}`),
  };
}

export function numberJson(twilio: TwilioContext, number: PhoneNumber): unknown {
  return {
    ...base(twilio, number.sid, new Date()),
    friendly_name: number.friendlyName,
    phone_number: number.phoneNumber,
    capabilities: { voice: true, sms: false, mms: false, fax: false },
    status: "in-use",
    origin: "twilio",
    beta: false,
    voice_url: number.voiceUrl,
    voice_method: number.voiceMethod,
    voice_fallback_url: number.voiceFallbackUrl,
    voice_fallback_method: number.voiceFallbackMethod,
    voice_caller_id_lookup: false,
    voice_receive_mode: "voice",
    voice_application_sid: number.voiceApplicationSid,
    trunk_sid: number.trunkSid,
    status_callback: number.statusCallback,
    status_callback_method: number.statusCallbackMethod,
    uri: uri(twilio, `/IncomingPhoneNumbers/${number.sid}`),
  };
}
