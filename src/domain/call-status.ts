/** The status of a call at Twilio. Source: Twilio Voice, Call resource, `Status`. */
const FINAL = ["completed", "busy", "failed", "no-answer", "canceled"] as const;
const RUNNING = ["queued", "initiated", "ringing", "in-progress"] as const;

export type TwilioFinalStatus = (typeof FINAL)[number];
export type TwilioCallStatus = TwilioFinalStatus | (typeof RUNNING)[number];

const ALL: readonly TwilioCallStatus[] = [...RUNNING, ...FINAL];

/** Null: a status that this version does not know. */
export function readCallStatus(text: string | undefined): TwilioCallStatus | null {
  return ALL.find((status) => status === text) ?? null;
}

/** The call, or the leg, is over and stays so. */
export function isFinalStatus(status: TwilioCallStatus): status is TwilioFinalStatus {
  return (FINAL as readonly TwilioCallStatus[]).includes(status);
}

/** The same for the text of a callback; a status that this version does not know is not final. */
export function isFinalStatusText(text: string | undefined): boolean {
  const status = readCallStatus(text);
  return status !== null && isFinalStatus(status);
}

/** The call is over, and no one has ever answered it. */
export function wasNotAnswered(status: TwilioCallStatus): boolean {
  return isFinalStatus(status) && status !== "completed";
}
