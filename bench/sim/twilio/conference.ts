/** Conference rooms: who is in them, and the callbacks that tell about it. */
import type { Leg } from "./leg.js";
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
}

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
        resolve(reason);
      };
      room.participants.set(leg.sid, { leg, settings, left });
      leg.story.add("conference_joined", { conference: room.name, label: settings.label });
      this.#tell(room, "participant-join", "join", leg, settings);
      if (settings.startOnEnter && room.status === "init") {
        room.status = "in-progress";
        this.#tell(room, "conference-start", "start", null, null);
      }
      if (settings.waitUrl !== null && settings.waitUrl !== "" && room.status === "init")
        void this.#world.web.send({ url: settings.waitUrl, form: leg.form({ ConferenceSid: room.sid }) });
      if (signal.aborted) abort();
      else signal.addEventListener("abort", abort, { once: true });
    });
  }

  leave(room: Room, leg: Leg, reason: LeaveReason): void {
    const participant = room.participants.get(leg.sid);
    if (participant === undefined) return;
    room.participants.delete(leg.sid);
    this.#tell(room, "participant-leave", "leave", leg, participant.settings, {
      ReasonParticipantLeft: reason,
      ParticipantCallStatus: leg.status,
    });
    participant.left(reason);
    if (participant.settings.endOnExit)
      this.end(room, "moderator_ended_conference", "participant-with-end-conference-on-exit-left", leg);
    else if (room.participants.size === 0)
      this.end(room, "moderator_ended_conference", "last-participant-left", leg);
  }

  end(room: Room, reason: LeaveReason, why: string, by: Leg | null = null): void {
    if (room.status === "completed") return;
    room.status = "completed";
    for (const participant of [...room.participants.values()]) this.leave(room, participant.leg, reason);
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
      this.#tell(room, change.hold ? "participant-hold" : "participant-unhold", "hold", leg, settings);
    }
    if (change.muted !== undefined && change.muted !== settings.muted) {
      settings.muted = change.muted;
      this.#tell(room, change.muted ? "participant-mute" : "participant-unmute", "mute", leg, settings);
    }
    if (change.endOnExit !== undefined) settings.endOnExit = change.endOnExit;
    if (change.coaching !== undefined) settings.coaching = change.coaching;
    if (change.endOnExit !== undefined || change.coaching !== undefined)
      this.#tell(room, "participant-modify", "modify", leg, settings);
  }

  announced(room: Room, url: string): void {
    this.#tell(room, "announcement-end", "announcement", null, null, { AnnounceUrl: url });
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
