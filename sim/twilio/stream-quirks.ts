/** Ways in which a media stream can differ from the usual one. */
export interface StreamQuirks {
  /** From the upgrade to `start`; null: it never comes. */
  readonly startDelayMs?: number | null;
  /** Changes `start` before it leaves: customParameters, callSid, accountSid. */
  readonly tamperStart?: (start: {
    callSid: string;
    accountSid: string;
    streamSid: string;
    customParameters: Record<string, string>;
  }) => void;
  /** Frames (by number, from 0) that get lost on the way: time passes, no message comes. */
  readonly loses?: (frame: number) => boolean;
  /** Timestamp of the first frame. Default 155 and 171 in turn, as in live captures. */
  readonly firstTimestampMs?: number;
  /** The first message holds only this many bytes of its frame. */
  readonly firstFrameBytes?: number;
  /** JSON in another order, with spaces and fields that Twilio has not documented. */
  readonly oddJson?: boolean;
  /** Small differences of carriers that speak Twilio's protocol. */
  readonly dialect?: StreamDialect;
  /** Sends `stop` and leaves the socket open, or closes without `stop`. */
  readonly ending?: "stop_without_close" | "close_without_stop";
  /** Marks are never echoed. */
  readonly noMarks?: boolean;
  /** Does not read from the socket for this long once audio has begun. */
  readonly stallMs?: number;
}

export interface StreamDialect {
  /** `sequenceNumber`, `chunk` and `timestamp` are numbers (Voximplant). */
  readonly numbers?: boolean;
  /** `media` and `dtmf` name no track (Voximplant). */
  readonly noTrack?: boolean;
  /** `stop` has no body (SignalWire). */
  readonly emptyStop?: boolean;
  /** `start` has no `customParameters` (one real capture). */
  readonly noCustomParameters?: boolean;
}
