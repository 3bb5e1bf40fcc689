/**
 * How long a transfer waits, for what, and how often it tries. Each constant names the event that
 * starts its clock.
 */
import { type Backoff, listedPauses } from "../domain/backoff.js";

/**
 * From the beginning of a transfer to the end of the farewell, at the latest: the call bounds it by
 * 30 s.
 */
export const FAREWELL_MS = 45_000;
/**
 * From the end of the farewell to the last try of the redirect: a caller notices two seconds of
 * silence.
 */
export const REDIRECT_MS = 1_500;
/**
 * From an accepted redirect out of the stream to the stream's end. Then the stream is closed by us.
 */
export const ACCEPTED_MS = 3_000;
/**
 * From closing the stream to Twilio's question what follows: its webhook time-outs. Then the call
 * is probed.
 */
export const FOLLOW_MS = 8_000;
/**
 * From the news that the caller hung up to the news of how their dial went: the two race each
 * other.
 */
export const GRACE_MS = 2_000;
/**
 * From a request that may have been carried out, or was accepted, to the first callback that shows
 * its effect.
 */
export const SHOW_MS = 6_000;
/**
 * Beyond the time within which Twilio says that a destination has answered, or that it has not: its
 * callback is lost then.
 */
export const LATE_MS = 20_000;
/** Between two probes of a caller whose call Twilio would not tell about. */
export const PROBE_AGAIN_MS = 15_000;
/**
 * From the answer of the consult leg to a key: a whisper of 60 s, twice the time to press a key,
 * and some.
 */
export const SCREENING_MS = 120_000;
/** From the accepting key to the conference's own word that the human is in. */
export const JOIN_MS = 5_000;

/** Probes of one phase that Twilio does not answer. */
export const MAX_PROBES = 6;
/** Consult legs to one target are created so often when Twilio does not take the request. */
export const MAX_CONSULT_TRIES = 3;
/** Requests for one redirect while the caller waits in a document that sounds. */
const MAX_REDIRECTS = 10;
/** Redirects that Twilio accepted and that show no effect. */
export const MAX_ACCEPTED = 3;

/** Pauses between the requests of one redirect, or of one consult leg; the last one repeats. */
const PAUSES_MS = [200, 400, 800, 1_600, 3_200, 5_000];

export const redirectPause: Backoff = listedPauses(PAUSES_MS, MAX_REDIRECTS);
export const consultPause: Backoff = listedPauses(PAUSES_MS.slice(1), MAX_CONSULT_TRIES);
