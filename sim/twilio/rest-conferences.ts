/** REST operations on conferences and their participants. */

import { detectAside } from "./answering-machine.js";
import { AppParticipant, readAppAddress } from "./application.js";
import type { CallLeg } from "./call-leg.js";
import { callbackConfig } from "./callback-config.js";
import type { Conference, Participant, ParticipantSettings } from "./conference-types.js";
import type { TwilioContext } from "./context.js";
import { conferenceJson, newParticipantJson, participantJson } from "./resources.js";
import { checkFrom, checkKnown, checkTo, checkUrl } from "./rest-checks.js";
import { type Params, RestError } from "./rest-error.js";
import { partyAt } from "./sip-leg.js";

const ADD_FIELDS = new Set(
  `From To Label CallToken CallerId CallReason EarlyMedia Beep Muted Coaching CallSidToCoach
  StartConferenceOnEnter EndConferenceOnExit WaitUrl WaitMethod Timeout TimeLimit MaxParticipants
  StatusCallback StatusCallbackMethod StatusCallbackEvent ConferenceStatusCallback
  ConferenceStatusCallbackMethod ConferenceStatusCallbackEvent ConferenceRecord Record
  RecordingChannels JitterBufferSize Region SipAuthUsername SipAuthPassword MachineDetection
  MachineDetectionTimeout AmdStatusCallback AmdStatusCallbackMethod`.split(/\s+/),
);
const UPDATE_FIELDS = new Set(
  `Muted Hold HoldUrl HoldMethod AnnounceUrl AnnounceMethod WaitUrl WaitMethod
  EndConferenceOnExit BeepOnExit Coaching CallSidToCoach`.split(/\s+/),
);

/** A participant that was asked for. */
interface Dialled {
  readonly leg: CallLeg;
  readonly conference: Conference;
  readonly settings: ParticipantSettings;
  readonly params: Params;
  /** Ends the ringing that the others hear. */
  readonly ringing: () => void;
  /** Null: a phone, or the model. */
  readonly app: AppParticipant | null;
}

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
    checkKnown(
      params,
      new Set(["FriendlyName", "Status", "PageSize", "Page", "PageToken", "DateCreated"]),
    );
    const name = params.get("FriendlyName");
    // Since 2026-09-30, running conferences alone by default.
    const status = params.get("Status") ?? "in-progress";
    return this.#twilio.conferences.all
      .filter(
        (conference) => (name === null || conference.name === name) && conference.status === status,
      )
      .map((conference) => conferenceJson(this.#twilio, conference));
  }

  update(sidOrName: string, params: Params): unknown {
    checkKnown(params, new Set(["Status", "AnnounceUrl", "AnnounceMethod"]));
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
    checkKnown(params, ADD_FIELDS);
    const to = params.get("To") ?? "";
    const from = params.get("From") ?? "";
    const app = this.#application(to);
    if (app === null) checkTo(to);
    checkFrom(this.#twilio, from, params.get("CallToken"));
    for (const name of ["StatusCallback", "ConferenceStatusCallback", "AmdStatusCallback"])
      checkUrl(name, params.get(name));
    const settings = settingsOf(params);
    const twilio = this.#twilio;
    const conference = twilio.conferences.findOrCreate(sidOrName);
    const leg = twilio.addLeg({
      from,
      to,
      direction: "outbound-api",
      party: app?.party ?? partyAt(twilio, to, from),
      callbacks: callbackConfig(
        params.get("StatusCallback") ?? undefined,
        params.getAll("StatusCallbackEvent"),
        params.get("StatusCallbackMethod") ?? undefined,
      ),
    });
    if (settings.callback !== null) conference.callback ??= settings.callback;
    const ringing =
      params.get("EarlyMedia") === "false" ? () => {} : twilio.conferences.ringingIn(conference);
    leg.onEnd(ringing);
    twilio.clock.after(
      0,
      () => void this.#dial({ leg, conference, settings, params, ringing, app }),
    );
    return newParticipantJson(twilio, conference, leg, settings.label);
  }

  /** Null: the address is no App's. */
  #application(to: string): AppParticipant | null {
    if (!to.startsWith("app:")) return null;
    const address = readAppAddress(to);
    const app = this.#twilio.applications.find(({ sid }) => sid === address?.sid);
    if (address === null || app === undefined)
      throw new RestError(400, 21211, `The 'To' address ${to} is no TwiML App of this account.`);
    return new AppParticipant(this.#twilio, app, address.parameters);
  }

  participant(sidOrName: string, who: string): unknown {
    const { conference, participant } = this.#participant(sidOrName, who);
    return participantJson(this.#twilio, conference, participant);
  }

  updateParticipant(sidOrName: string, who: string, params: Params): unknown {
    checkKnown(params, UPDATE_FIELDS);
    const { conference, participant } = this.#participant(sidOrName, who);
    const flag = (name: string) =>
      params.get(name) === null ? undefined : params.get(name) === "true";
    const [hold, muted] = [flag("Hold"), flag("Muted")];
    const holdUrl = params.get("HoldUrl");
    checkUrl("HoldUrl", holdUrl);
    if (hold === true && holdUrl !== null)
      void this.#twilio.conferences.holdDocument(conference, holdUrl);
    const endOnExit = flag("EndConferenceOnExit");
    const coaches = coachesOf(params);
    this.#twilio.conferences.change(conference, participant, {
      ...(hold === undefined ? {} : { hold }),
      ...(muted === undefined ? {} : { muted }),
      ...(endOnExit === undefined ? {} : { endOnExit }),
      ...(coaches === undefined ? {} : { coaches }),
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

  /** Rings the new participant, who joins once answered. */
  async #dial({ leg, conference, settings, params, ringing, app }: Dialled): Promise<void> {
    if (leg.over) return;
    const twilio = this.#twilio;
    const timeoutMs = Number(params.get("Timeout") ?? 60) * 1000;
    const outcome = await leg.ring(timeoutMs, new AbortController().signal);
    ringing();
    if (outcome !== "answered" || leg.over) return;
    app?.start(leg);
    const mode = params.get("MachineDetection");
    if (mode !== null)
      detectAside(twilio, leg, {
        mode,
        url: params.get("AmdStatusCallback"),
        method: params.get("AmdStatusCallbackMethod"),
      });
    const gone = new AbortController();
    leg.onEnd(() => gone.abort());
    leg.onMove(() => gone.abort());
    if (leg.party.talkMs !== undefined) twilio.clock.after(leg.party.talkMs, () => leg.hangUp());
    const reason = await twilio.conferences.join(leg, conference.name, settings, gone.signal);
    // Twilio hangs up on a participant who has left and was given no other TwiML.
    if (reason !== "participant_updated_via_api") leg.finish("completed");
  }
}

/** Whom a participant coaches: a CallSid, null for none, undefined where the request says nothing. */
function coachesOf(params: Params): string | null | undefined {
  const sid = params.get("CallSidToCoach");
  const coaching = params.get("Coaching");
  if (coaching === "false") return null;
  if (coaching === "true" && sid === null)
    throw new RestError(400, 20001, "Coaching needs CallSidToCoach");
  return sid ?? undefined;
}

function settingsOf(params: Params): ParticipantSettings {
  const url = params.get("ConferenceStatusCallback");
  const events = params
    .getAll("ConferenceStatusCallbackEvent")
    .flatMap((event) => event.split(" "));
  return {
    label: params.get("Label"),
    muted: params.get("Muted") === "true",
    hold: false,
    coaches: coachesOf(params) ?? null,
    startOnEnter: params.get("StartConferenceOnEnter") !== "false",
    endOnExit: params.get("EndConferenceOnExit") === "true",
    waitUrl: params.get("WaitUrl"),
    callback:
      url === null ? null : { url, events: events.length === 0 ? ["start", "end"] : events },
  };
}
