/** REST operations on conferences and their participants. */
import { callbackConfig } from "./callbacks.js";
import type { Conference, Participant } from "./conference.js";
import type { TwilioContext } from "./context.js";
import { conferenceJson, newParticipantJson, participantJson } from "./resources.js";
import { checkCallToken, checkSipTo, checkUrl, known } from "./rest-calls.js";
import { type Params, RestError } from "./rest-error.js";
import { partyAt } from "./sip-leg.js";

const ADD_FIELDS = new Set(
  `From To Label CallToken CallerId CallReason EarlyMedia Beep Muted Coaching CallSidToCoach StartConferenceOnEnter
  EndConferenceOnExit WaitUrl WaitMethod Timeout TimeLimit MaxParticipants StatusCallback StatusCallbackMethod
  StatusCallbackEvent ConferenceStatusCallback ConferenceStatusCallbackMethod ConferenceStatusCallbackEvent ConferenceRecord
  Record RecordingChannels JitterBufferSize Region SipAuthUsername SipAuthPassword MachineDetection
  MachineDetectionTimeout AmdStatusCallback AmdStatusCallbackMethod`.split(/\s+/),
);
const UPDATE_FIELDS = new Set(
  `Muted Hold HoldUrl HoldMethod AnnounceUrl AnnounceMethod WaitUrl WaitMethod EndConferenceOnExit BeepOnExit Coaching
  CallSidToCoach`.split(/\s+/),
);
const AMD_MS = 300;

export class RestConferences {
  readonly #twilio: TwilioContext;

  constructor(twilio: TwilioContext) {
    this.#twilio = twilio;
  }

  conference(sidOrName: string): Conference {
    const conference = this.#twilio.conferences.find(sidOrName);
    if (conference === undefined)
      throw new RestError(
        404,
        20404,
        `The requested resource /Conferences/${sidOrName} was not found`,
      );
    return conference;
  }

  list(params: Params): readonly unknown[] {
    known(
      params,
      new Set(["FriendlyName", "Status", "PageSize", "Page", "PageToken", "DateCreated"]),
    );
    const name = params.get("FriendlyName");
    // Since 2026-09-30 only running ones are shown unless asked otherwise.
    const status = params.get("Status") ?? "in-progress";
    return this.#twilio.conferences.all
      .filter(
        (conference) => (name === null || conference.name === name) && conference.status === status,
      )
      .map((conference) => conferenceJson(this.#twilio, conference));
  }

  update(sidOrName: string, params: Params): unknown {
    known(params, new Set(["Status", "AnnounceUrl", "AnnounceMethod"]));
    const conference = this.conference(sidOrName);
    if (params.get("Status") === "completed")
      this.#twilio.conferences.end(
        conference,
        "conference_ended_via_api",
        "conference-ended-via-api",
      );
    const announce = params.get("AnnounceUrl");
    if (announce !== null) this.#announce(conference, announce);
    return conferenceJson(this.#twilio, conference);
  }

  addParticipant(sidOrName: string, params: Params): unknown {
    known(params, ADD_FIELDS);
    const to = params.get("To") ?? "";
    const from = params.get("From") ?? "";
    if (!/^\+[1-9]\d{6,14}$/.test(to) && !/^(sips?:|client:)/.test(to))
      throw new RestError(400, 21211, `The 'To' number ${to} is not a valid phone number.`);
    if (from === "") throw new RestError(400, 21213, "The 'From' number is required.");
    checkSipTo(to);
    checkCallToken(this.#twilio, from, params.get("CallToken"));
    for (const name of ["StatusCallback", "ConferenceStatusCallback", "AmdStatusCallback"])
      checkUrl(name, params.get(name));
    const twilio = this.#twilio;
    const conference = twilio.conferences.findOrCreate(sidOrName);
    const leg = twilio.leg({
      from,
      to,
      direction: "outbound-api",
      party: partyAt(twilio, to, from),
      callbacks: callbackConfig(
        params.get("StatusCallback") ?? undefined,
        params.getAll("StatusCallbackEvent"),
      ),
    });
    const callback = params.get("ConferenceStatusCallback");
    const events = params
      .getAll("ConferenceStatusCallbackEvent")
      .flatMap((event) => event.split(" "));
    const settings = {
      label: params.get("Label"),
      muted: params.get("Muted") === "true",
      hold: false,
      coaching: params.get("Coaching") === "true",
      startOnEnter: params.get("StartConferenceOnEnter") !== "false",
      endOnExit: params.get("EndConferenceOnExit") === "true",
      waitUrl: params.get("WaitUrl"),
      callback:
        callback === null
          ? null
          : { url: callback, events: events.length === 0 ? ["start", "end"] : events },
    };
    if (callback !== null) conference.callback ??= settings.callback;
    const gone = new AbortController();
    leg.onEnd(() => gone.abort());
    const rung =
      params.get("EarlyMedia") === "false" ? () => {} : twilio.conferences.ringingIn(conference);
    leg.onEnd(rung);
    twilio.clock.after(0, () => {
      if (leg.over) return;
      void leg
        .ring(Number(params.get("Timeout") ?? 60) * 1000, new AbortController().signal)
        .then((outcome) => {
          rung();
          if (outcome !== "answered" || leg.over) return;
          if (params.get("MachineDetection") !== null)
            twilio.clock.after(AMD_MS, () =>
              this.#detected(leg.sid, params.get("AmdStatusCallback")),
            );
          leg.onMove(() => gone.abort());
          void twilio.conferences
            .join(leg, conference.name, settings, gone.signal)
            .then((reason) => {
              // Out of the conference without other TwiML: Twilio hangs up.
              if (reason !== "participant_updated_via_api") leg.finish("completed");
            });
          if (leg.party.talkMs !== undefined)
            twilio.clock.after(leg.party.talkMs, () => leg.hangUp());
        });
    });
    return newParticipantJson(twilio, conference, leg, settings.label);
  }

  participant(sidOrName: string, who: string): unknown {
    const { conference, participant } = this.#participant(sidOrName, who);
    return participantJson(this.#twilio, conference, participant);
  }

  updateParticipant(sidOrName: string, who: string, params: Params): unknown {
    known(params, UPDATE_FIELDS);
    const { conference, participant } = this.#participant(sidOrName, who);
    const flag = (name: string) =>
      params.get(name) === null ? undefined : params.get(name) === "true";
    const [hold, muted] = [flag("Hold"), flag("Muted")];
    const [endOnExit, coaching] = [flag("EndConferenceOnExit"), flag("Coaching")];
    this.#twilio.conferences.change(conference, participant, {
      ...(hold === undefined ? {} : { hold }),
      ...(muted === undefined ? {} : { muted }),
      ...(endOnExit === undefined ? {} : { endOnExit }),
      ...(coaching === undefined ? {} : { coaching }),
    });
    const announce = params.get("AnnounceUrl");
    if (announce !== null) this.#announce(conference, announce);
    return participantJson(this.#twilio, conference, participant);
  }

  removeParticipant(sidOrName: string, who: string): void {
    const { conference, participant } = this.#participant(sidOrName, who);
    this.#twilio.conferences.leave(conference, participant.leg, "participant_updated_via_api");
    participant.leg.finish("completed");
  }

  #participant(
    sidOrName: string,
    who: string,
  ): { readonly conference: Conference; readonly participant: Participant } {
    const conference = this.conference(sidOrName);
    const participant = [...conference.participants.values()].find(
      (candidate) => candidate.leg.sid === who || candidate.settings.label === who,
    );
    if (participant === undefined)
      throw new RestError(404, 20404, `The requested resource /Participants/${who} was not found`);
    return { conference, participant };
  }

  #announce(conference: Conference, url: string): void {
    checkUrl("AnnounceUrl", url);
    void this.#twilio.conferences.announce(conference, url);
  }

  #detected(callSid: string, url: string | null): void {
    const leg = this.#twilio.findLeg(callSid);
    if (leg === undefined) return;
    leg.answeredBy = leg.party.answeredBy ?? "human";
    if (url === null) return;
    this.#twilio.callback(
      leg,
      url,
      {
        CallSid: leg.sid,
        AccountSid: this.#twilio.accountSid,
        AnsweredBy: leg.answeredBy,
        MachineDetectionDuration: String(AMD_MS),
      },
      "amd",
    );
  }
}
