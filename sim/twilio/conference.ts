/** Conferences: who is in them, and the callbacks that tell about it. */
import type { CallLeg } from "./call-leg.js";
import { ConferenceMixer } from "./conference-mixer.js";
import {
  type Conference,
  type ConferenceRegistry,
  hears,
  isConnected,
  type LeaveReason,
  type Participant,
  type ParticipantSettings,
} from "./conference-types.js";
import type { TwilioContext } from "./context.js";
import { checkTwiml } from "./twiml.js";
import { PLAY_MS, sayMs } from "./verb-context.js";
import type { Form } from "./web.js";
import type { XmlElement } from "./xml.js";

export class Conferences implements ConferenceRegistry {
  readonly all: Conference[] = [];
  readonly #twilio: TwilioContext;

  constructor(twilio: TwilioContext) {
    this.#twilio = twilio;
  }

  find(sidOrName: string): Conference | undefined {
    return this.all.findLast(
      (conference) =>
        conference.status !== "completed" &&
        (conference.sid === sidOrName || conference.name === sidOrName),
    );
  }

  findOrCreate(name: string): Conference {
    const there = this.find(name);
    if (there !== undefined) return there;
    const conference: Conference = {
      sid: this.#twilio.sid("CF"),
      name,
      status: "init",
      participants: new Map(),
      createdAt: new Date(),
      callback: undefined,
      sequence: 0,
      mixer: null,
      waitSound: true,
      announcing: 0,
      ringing: 0,
    };
    this.all.push(conference);
    return conference;
  }

  join(
    leg: CallLeg,
    name: string,
    settings: ParticipantSettings,
    signal: AbortSignal,
  ): Promise<LeaveReason> {
    const conference = this.findOrCreate(name);
    conference.callback ??= settings.callback;
    return new Promise((resolve) => {
      const abort = () =>
        this.leave(
          conference,
          leg,
          leg.over ? "participant_hung_up" : "participant_updated_via_api",
        );
      const left = (reason: LeaveReason) => {
        signal.removeEventListener("abort", abort);
        leg.events.add("conference_left", { conference: conference.name, reason });
        this.#note(conference);
        this.noteLeg(leg);
        resolve(reason);
      };
      conference.participants.set(leg.sid, { leg, settings, left });
      leg.events.add("conference_joined", { conference: conference.name, label: settings.label });
      this.#tell(conference, "participant-join", "join", leg, settings);
      const members = [...conference.participants.values()];
      // A conference starts with two participants, one of whom may start it.
      if (
        conference.status === "init" &&
        members.length > 1 &&
        members.some((member) => member.settings.startOnEnter)
      ) {
        conference.status = "in-progress";
        this.#tell(conference, "conference-start", "start", null, null);
      }
      if (conference.status === "init") this.#waitMusic(conference, leg, settings.waitUrl);
      if (leg.sipCallee !== null && conference.mixer === null)
        conference.mixer = new ConferenceMixer(
          conference,
          this.#twilio.pacer,
          this.#twilio.clock.nowMs(),
        );
      this.#note(conference);
      if (signal.aborted) abort();
      else signal.addEventListener("abort", abort, { once: true });
    });
  }

  leave(conference: Conference, leg: CallLeg, reason: LeaveReason): void {
    const participant = conference.participants.get(leg.sid);
    if (participant === undefined) return;
    conference.participants.delete(leg.sid);
    if (![...conference.participants.values()].some((other) => other.leg.sipCallee !== null)) {
      conference.mixer?.stop();
      conference.mixer = null;
    }
    this.#tell(conference, "participant-leave", "leave", leg, participant.settings, {
      ReasonParticipantLeft: reason,
      ParticipantCallStatus: leg.status,
    });
    participant.left(reason);
    if (participant.settings.endOnExit)
      this.end(
        conference,
        "moderator_ended_conference",
        "participant-with-end-conference-on-exit-left",
        leg,
      );
    else if (conference.participants.size === 0)
      this.end(conference, "moderator_ended_conference", "last-participant-left", leg);
  }

  end(conference: Conference, reason: LeaveReason, why: string, by: CallLeg | null = null): void {
    if (conference.status === "completed") return;
    conference.status = "completed";
    for (const participant of [...conference.participants.values()])
      this.leave(conference, participant.leg, reason);
    this.#tell(conference, "conference-end", "end", null, null, {
      ReasonConferenceEnded: why,
      ...(by === null ? {} : { CallSidEndingConference: by.sid }),
    });
  }

  change(
    conference: Conference,
    participant: Participant,
    change: Partial<Pick<ParticipantSettings, "hold" | "muted" | "endOnExit" | "coaches">>,
  ): void {
    const { settings, leg } = participant;
    if (change.hold !== undefined && change.hold !== settings.hold) {
      settings.hold = change.hold;
      this.#tell(
        conference,
        change.hold ? "participant-hold" : "participant-unhold",
        "hold",
        leg,
        settings,
      );
    }
    if (change.muted !== undefined && change.muted !== settings.muted) {
      settings.muted = change.muted;
      this.#tell(
        conference,
        change.muted ? "participant-mute" : "participant-unmute",
        "mute",
        leg,
        settings,
      );
    }
    if (change.endOnExit !== undefined) settings.endOnExit = change.endOnExit;
    if (change.coaches !== undefined) settings.coaches = change.coaches;
    if (change.endOnExit !== undefined || change.coaches !== undefined)
      this.#tell(conference, "participant-modify", "modify", leg, settings);
    this.#note(conference);
  }

  key(by: CallLeg, digit: string): void {
    const conference = this.#conferenceOf(by);
    if (conference === undefined) return;
    for (const { leg } of conference.participants.values())
      if (leg !== by) leg.sipCallee?.key(digit);
  }

  async announce(conference: Conference, url: string): Promise<void> {
    const twilio = this.#twilio;
    const reply = await twilio.web.send({ url, form: { ConferenceSid: conference.sid } });
    for (const { leg } of conference.participants.values())
      leg.events.add("twiml", { from: "announce", verbs: "", text: reply.body });
    if (reply.status !== 200) {
      this.#tell(conference, "announcement-fail", "announcement", null, null, { AnnounceUrl: url });
      return;
    }
    const ms = this.#documentMs(conference, reply.body);
    conference.announcing++;
    this.#note(conference);
    twilio.clock.after(ms, () => {
      conference.announcing--;
      this.#note(conference);
      this.#tell(conference, "announcement-end", "announcement", null, null, { AnnounceUrl: url });
    });
  }

  /** What a participant on hold hears: fetched and checked, and played to no one here. */
  async holdDocument(conference: Conference, url: string): Promise<void> {
    const twilio = this.#twilio;
    const reply = await twilio.web.send({ url, form: { ConferenceSid: conference.sid } });
    if (reply.status !== 200) twilio.violation(`HoldUrl answers ${reply.status}`);
    else this.#documentMs(conference, reply.body);
  }

  ringingIn(conference: Conference): () => void {
    let rings = true;
    conference.ringing++;
    this.#note(conference);
    return () => {
      if (!rings) return;
      rings = false;
      conference.ringing--;
      this.#note(conference);
    };
  }

  noteLeg(leg: CallLeg): void {
    const conference = this.#conferenceOf(leg);
    if (conference !== undefined) {
      this.#note(conference);
      return;
    }
    this.#twilio.connections.note(leg.sid, {
      live: leg.answeredAtMs !== null && !leg.over,
      with: leg.bridgedWith === null || leg.over ? [] : [leg.bridgedWith],
      talking: [],
      sound: leg.sound,
    });
  }

  #conferenceOf(leg: CallLeg): Conference | undefined {
    return this.all.findLast((conference) => conference.participants.has(leg.sid));
  }

  #note(conference: Conference): void {
    const members = [...conference.participants.values()];
    for (const member of members) {
      const { leg, settings } = member;
      const others =
        conference.status === "in-progress"
          ? members.filter((other) => isConnected(member, other))
          : [];
      const talking = others.filter((other) => hears(member, other) && other.leg.modelSpeaking);
      const name = (other: Participant) => other.settings.label ?? other.leg.to;
      const together = settings.hold
        ? "music"
        : conference.announcing > 0
          ? "announcement"
          : conference.status === "init"
            ? conference.waitSound
              ? "music"
              : null
            : conference.ringing > 0
              ? "ringing"
              : null;
      this.#twilio.connections.note(leg.sid, {
        live: leg.answeredAtMs !== null && !leg.over,
        with: others.map(name),
        talking: talking.map(name),
        sound: together,
      });
    }
  }

  /** Plays Twilio's own music, silence for "", or a document of the relay's. */
  #waitMusic(conference: Conference, leg: CallLeg, url: string | null): void {
    conference.waitSound = url !== "";
    if (url === null || url === "") return;
    void this.#twilio.web
      .send({ url, form: leg.form({ ConferenceSid: conference.sid }) })
      .then((reply) => {
        conference.waitSound = reply.status === 200 && this.#documentMs(conference, reply.body) > 0;
        this.#note(conference);
      });
  }

  /** How long a document of Say, Play and Pause sounds. */
  #documentMs(conference: Conference, text: string): number {
    const document = checkTwiml(text, true);
    for (const violation of document.violations)
      this.#twilio.violation(`TwiML for conference ${conference.name}: ${violation}`);
    const ms = document.verbs.reduce((sum, verb) => {
      if (verb.name === "Say") return sum + sayMs(verb.text);
      return sum + (verb.name === "Play" ? PLAY_MS : 0);
    }, 0);
    return ms / this.#twilio.speed;
  }

  #tell(
    conference: Conference,
    event: string,
    kind: string,
    leg: CallLeg | null,
    settings: ParticipantSettings | null,
    more: Form = {},
  ): void {
    const sequence = ++conference.sequence;
    const { callback } = conference;
    if (callback === null || callback === undefined || !callback.events.includes(kind)) return;
    this.#twilio.callback(
      leg,
      callback.url,
      {
        ConferenceSid: conference.sid,
        FriendlyName: conference.name,
        AccountSid: this.#twilio.accountSid,
        SequenceNumber: String(sequence),
        Timestamp: new Date().toUTCString().replace("GMT", "+0000"),
        StatusCallbackEvent: event,
        ...(leg === null || settings === null
          ? {}
          : {
              CallSid: leg.sid,
              ...(settings.label === null ? {} : { ParticipantLabel: settings.label }),
              Muted: String(settings.muted),
              Hold: String(settings.hold),
              Coaching: String(settings.coaches !== null),
              StartConferenceOnEnter: String(settings.startOnEnter),
              EndConferenceOnExit: String(settings.endOnExit),
            }),
        ...more,
      },
      event,
    );
  }
}

/** Of a `<Conference>` noun. By default Twilio reports start and end alone. */
export function participantSettings(noun: XmlElement): ParticipantSettings {
  const { attributes } = noun;
  const url = attributes["statusCallback"];
  return {
    label: attributes["participantLabel"] ?? null,
    muted: attributes["muted"] === "true",
    hold: false,
    coaches: attributes["coach"] ?? null,
    startOnEnter: attributes["startConferenceOnEnter"] !== "false",
    endOnExit: attributes["endConferenceOnExit"] === "true",
    waitUrl: attributes["waitUrl"] ?? null,
    callback:
      url === undefined
        ? null
        : { url, events: (attributes["statusCallbackEvent"] ?? "start end").split(" ") },
  };
}
