/** Conference rooms: who is in them, and the callbacks that tell about it. */
import type { Leg } from "./leg.js";
import { RoomSound } from "./room-sound.js";
import { checkTwiml } from "./twiml.js";
import type { Form } from "./web.js";
import type { World } from "./world.js";
import type { XmlElement } from "./xml.js";

export interface RoomSettings {
  readonly label: string | null;
  muted: boolean;
  hold: boolean;
  coaching: boolean;
  startOnEnter: boolean;
  endOnExit: boolean;
  readonly waitUrl: string | null;
  readonly callback: { readonly url: string; readonly events: readonly string[] } | null;
}

export type LeaveReason =
  | "conference_ended_via_api"
  | "moderator_ended_conference"
  | "participant_updated_via_api"
  | "participant_hung_up";

export interface Participant {
  readonly leg: Leg;
  readonly settings: RoomSettings;
  readonly left: (reason: LeaveReason) => void;
}

export interface Room {
  readonly sid: string;
  readonly name: string;
  status: "init" | "in-progress" | "completed";
  readonly participants: Map<string, Participant>;
  readonly createdAt: Date;
  /** Of the first participant; the others' are ignored. */
  callback: RoomSettings["callback"] | undefined;
  sequence: number;
  /** While somebody is here by SIP. */
  carried: RoomSound | null;
  /** Those who wait for the conference to begin hear something. */
  waitSound: boolean;
  /** Announcements that play now. */
  announcing: number;
  /** Members to be, whose ringing the others hear. */
  ringing: number;
}

/** Of a recording whose length nobody knows. */
const PLAY_MS = 1000;

export class Conferences {
  /** All rooms, ended ones too, newest last. */
  readonly rooms: Room[] = [];
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  /** A live room by SID or friendly name. */
  find(sidOrName: string): Room | undefined {
    return this.rooms.findLast(
      (room) => room.status !== "completed" && (room.sid === sidOrName || room.name === sidOrName),
    );
  }

  room(name: string): Room {
    const there = this.find(name);
    if (there !== undefined) return there;
    const room: Room = {
      sid: this.#world.sid("CF"),
      name,
      status: "init",
      participants: new Map(),
      createdAt: new Date(),
      callback: undefined,
      sequence: 0,
      carried: null,
      waitSound: true,
      announcing: 0,
      ringing: 0,
    };
    this.rooms.push(room);
    return room;
  }

  /** Resolves when the leg is out of the room again, whoever made it leave. */
  join(leg: Leg, name: string, settings: RoomSettings, signal: AbortSignal): Promise<LeaveReason> {
    const room = this.room(name);
    room.callback ??= settings.callback;
    return new Promise((resolve) => {
      const abort = () =>
        this.leave(room, leg, leg.over ? "participant_hung_up" : "participant_updated_via_api");
      const left = (reason: LeaveReason) => {
        signal.removeEventListener("abort", abort);
        leg.story.add("conference_left", { conference: room.name, reason });
        this.#note(room);
        this.noteLeg(leg);
        resolve(reason);
      };
      room.participants.set(leg.sid, { leg, settings, left });
      leg.story.add("conference_joined", { conference: room.name, label: settings.label });
      this.#tell(room, "participant-join", "join", leg, settings);
      const members = [...room.participants.values()];
      // It takes two, and one of them who may start it.
      if (
        room.status === "init" &&
        members.length > 1 &&
        members.some((member) => member.settings.startOnEnter)
      ) {
        room.status = "in-progress";
        this.#tell(room, "conference-start", "start", null, null);
      }
      if (room.status === "init") this.#waitMusic(room, leg, settings.waitUrl);
      if (leg.called !== null && room.carried === null)
        room.carried = new RoomSound(room, this.#world.pacer, this.#world.clock.nowMs());
      this.#note(room);
      if (signal.aborted) abort();
      else signal.addEventListener("abort", abort, { once: true });
    });
  }

  leave(room: Room, leg: Leg, reason: LeaveReason): void {
    const participant = room.participants.get(leg.sid);
    if (participant === undefined) return;
    room.participants.delete(leg.sid);
    if (![...room.participants.values()].some((other) => other.leg.called !== null)) {
      room.carried?.stop();
      room.carried = null;
    }
    this.#tell(room, "participant-leave", "leave", leg, participant.settings, {
      ReasonParticipantLeft: reason,
      ParticipantCallStatus: leg.status,
    });
    participant.left(reason);
    if (participant.settings.endOnExit)
      this.end(
        room,
        "moderator_ended_conference",
        "participant-with-end-conference-on-exit-left",
        leg,
      );
    else if (room.participants.size === 0)
      this.end(room, "moderator_ended_conference", "last-participant-left", leg);
  }

  end(room: Room, reason: LeaveReason, why: string, by: Leg | null = null): void {
    if (room.status === "completed") return;
    room.status = "completed";
    for (const participant of [...room.participants.values()])
      this.leave(room, participant.leg, reason);
    this.#tell(room, "conference-end", "end", null, null, {
      ReasonConferenceEnded: why,
      ...(by === null ? {} : { CallSidEndingConference: by.sid }),
    });
  }

  /** hold, mute and the like, changed by REST. */
  change(
    room: Room,
    participant: Participant,
    change: Partial<Pick<RoomSettings, "hold" | "muted" | "endOnExit" | "coaching">>,
  ): void {
    const { settings, leg } = participant;
    if (change.hold !== undefined && change.hold !== settings.hold) {
      settings.hold = change.hold;
      this.#tell(
        room,
        change.hold ? "participant-hold" : "participant-unhold",
        "hold",
        leg,
        settings,
      );
    }
    if (change.muted !== undefined && change.muted !== settings.muted) {
      settings.muted = change.muted;
      this.#tell(
        room,
        change.muted ? "participant-mute" : "participant-unmute",
        "mute",
        leg,
        settings,
      );
    }
    this.#note(room);
    if (change.endOnExit !== undefined) settings.endOnExit = change.endOnExit;
    if (change.coaching !== undefined) settings.coaching = change.coaching;
    if (change.endOnExit !== undefined || change.coaching !== undefined)
      this.#tell(room, "participant-modify", "modify", leg, settings);
  }

  /** A key of one member is a tone to the others; those who are here by SIP get it as a key. */
  key(by: Leg, digit: string): void {
    const room = this.#roomOf(by);
    if (room === undefined) return;
    for (const { leg } of room.participants.values()) if (leg !== by) leg.called?.key(digit);
  }

  /** A document read out to all, or to one. */
  async announce(room: Room, url: string): Promise<void> {
    const world = this.#world;
    const reply = await world.web.send({ url, form: { ConferenceSid: room.sid } });
    for (const { leg } of room.participants.values())
      leg.story.add("twiml", { from: "announce", verbs: "", text: reply.body });
    if (reply.status !== 200) {
      this.#tell(room, "announcement-fail", "announcement", null, null, { AnnounceUrl: url });
      return;
    }
    const ms = this.#documentMs(room, reply.body);
    room.announcing++;
    this.#note(room);
    world.clock.after(ms, () => {
      room.announcing--;
      this.#note(room);
      this.#tell(room, "announcement-end", "announcement", null, null, { AnnounceUrl: url });
    });
  }

  /** One whose ringing the members hear (early media). @returns how to end it; idempotent. */
  ringingIn(room: Room): () => void {
    let rings = true;
    room.ringing++;
    this.#note(room);
    return () => {
      if (!rings) return;
      rings = false;
      room.ringing--;
      this.#note(room);
    };
  }

  /** Something about this leg has changed that the truth should know. */
  noteLeg(leg: Leg): void {
    const room = this.#roomOf(leg);
    if (room !== undefined) {
      this.#note(room);
      return;
    }
    this.#world.truth.note(leg.sid, {
      live: leg.answeredAtMs !== null && !leg.over,
      with: leg.bridgedWith === null || leg.over ? [] : [leg.bridgedWith],
      talking: [],
      sound: leg.sound,
    });
  }

  #roomOf(leg: Leg): Room | undefined {
    return this.rooms.findLast((room) => room.participants.has(leg.sid));
  }

  #note(room: Room): void {
    const members = [...room.participants.values()];
    for (const { leg, settings } of members) {
      const others =
        room.status !== "in-progress" || settings.hold
          ? []
          : members.filter(
              (other) => other.leg !== leg && !other.settings.hold && !other.settings.coaching,
            );
      const name = (other: Participant) => other.settings.label ?? other.leg.to;
      const together = settings.hold
        ? "music"
        : room.announcing > 0
          ? "announcement"
          : room.status === "init"
            ? room.waitSound
              ? "music"
              : null
            : room.ringing > 0
              ? "ringing"
              : null;
      this.#world.truth.note(leg.sid, {
        live: leg.answeredAtMs !== null && !leg.over,
        with: others.map(name),
        talking: others.filter((other) => other.leg.speaks).map(name),
        sound: together,
      });
    }
  }

  /** Twilio's own music, silence for "", or a document of the relay's. */
  #waitMusic(room: Room, leg: Leg, url: string | null): void {
    room.waitSound = url !== "";
    if (url === null || url === "") return;
    void this.#world.web
      .send({ url, form: leg.form({ ConferenceSid: room.sid }) })
      .then((reply) => {
        room.waitSound = reply.status === 200 && this.#documentMs(room, reply.body) > 0;
        this.#note(room);
      });
  }

  /** How long a document of Say, Play and Pause sounds. */
  #documentMs(room: Room, text: string): number {
    const document = checkTwiml(text, true);
    for (const violation of document.violations)
      this.#world.violation(`TwiML for conference ${room.name}: ${violation}`);
    const ms = document.verbs.reduce((sum, verb) => {
      if (verb.name === "Say") return sum + Math.max(500, (verb.text.length * 1000) / 15);
      return sum + (verb.name === "Play" ? PLAY_MS : 0);
    }, 0);
    return ms / this.#world.speed;
  }

  #tell(
    room: Room,
    event: string,
    kind: string,
    leg: Leg | null,
    settings: RoomSettings | null,
    more: Form = {},
  ): void {
    const sequence = ++room.sequence;
    const { callback } = room;
    if (callback === null || callback === undefined || !callback.events.includes(kind)) return;
    this.#world.callback(
      leg,
      callback.url,
      {
        ConferenceSid: room.sid,
        FriendlyName: room.name,
        AccountSid: this.#world.accountSid,
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
              Coaching: String(settings.coaching),
              StartConferenceOnEnter: String(settings.startOnEnter),
              EndConferenceOnExit: String(settings.endOnExit),
            }),
        ...more,
      },
      event,
    );
  }
}

/** From `<Conference>`. Twilio's default is to tell nothing but start and end. */
export function roomSettings(noun: XmlElement): RoomSettings {
  const { attributes } = noun;
  const url = attributes["statusCallback"];
  return {
    label: attributes["participantLabel"] ?? null,
    muted: attributes["muted"] === "true",
    hold: false,
    coaching: attributes["coach"] !== undefined,
    startOnEnter: attributes["startConferenceOnEnter"] !== "false",
    endOnExit: attributes["endConferenceOnExit"] === "true",
    waitUrl: attributes["waitUrl"] ?? null,
    callback:
      url === undefined
        ? null
        : { url, events: (attributes["statusCallbackEvent"] ?? "start end").split(" ") },
  };
}
