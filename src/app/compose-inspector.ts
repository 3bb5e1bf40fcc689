/** What the inspector reads: a call on its clock, its flight recording and its sound. */
import { FlightAudio } from "../adapters/journal/flight-audio.js";
import type { FlightFiles } from "../adapters/journal/flight-files.js";
import type { TwilioRecordings } from "../adapters/twilio/recordings.js";
import type { CallRecord } from "../domain/call-record.js";
import type { CallSid } from "../domain/ids.js";
import { flightRoute } from "../http/flight-route.js";
import type { OperatorRoute } from "../http/operator-router.js";
import { recordingRoutes } from "../http/recording-route.js";
import { timelineRoute } from "../http/timeline-route.js";
import type { Clock } from "../ports/clock.js";

export interface InspectorParts {
  readonly find: (callSid: CallSid) => Promise<CallRecord | null>;
  readonly flights: FlightFiles;
  /** Where the flight recordings lie. */
  readonly directory: string;
  readonly clock: Clock;
  /** Null: no recordings come from Twilio. */
  readonly source: Pick<TwilioRecordings, "read" | "envelope"> | null;
}

export interface Inspector {
  readonly routes: readonly OperatorRoute[];
  /** Lets go of the sound that was rebuilt. */
  close(): Promise<void>;
}

export function composeInspector(parts: InspectorParts): Inspector {
  const { find, flights, directory, clock, source } = parts;
  const audio = new FlightAudio(flights, directory, clock);
  const flight = async (callSid: CallSid) => await flights.read(callSid);
  return {
    routes: [
      timelineRoute({
        find,
        flight,
        recorded: async (file, startMs) => (await source?.envelope(file, startMs)) ?? null,
      }),
      flightRoute({ find, flight }),
      ...recordingRoutes({
        find,
        read: async (file, fromByte, maxBytes) =>
          (await source?.read(file, fromByte, maxBytes)) ?? null,
        rebuilt: (callSid, startedMs, fromByte, maxBytes) =>
          audio.read(callSid, startedMs, fromByte, maxBytes),
      }),
    ],
    close: () => audio.close(),
  };
}
