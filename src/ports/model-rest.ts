/**
 * Calls that reached the model by SIP, by their `rtc_…` id. Every method rejects with a RelayError:
 * `caller_gone` (404), `upstream_account` (401, 403), `upstream_rejected` (other 4xx, as a
 * RefusedError where the answer says what is wrong), `upstream_refused` (429, 5xx),
 * `upstream_timeout` and `upstream_unreachable`. The last three are retryable, and the request may
 * have been carried out.
 */
export interface SipControl {
  /** @param session  the configuration as JSON, without audio formats: SIP negotiates those. */
  accept(callId: string, session: object): Promise<void>;
  /** @param status  a final SIP status, e.g. 486. */
  reject(callId: string, status: number): Promise<void>;
  /**
   * @param targetUri  `tel:+…` or `sip:…`. The answer does not tell whether the carrier took it.
   */
  refer(callId: string, targetUri: string): Promise<void>;
  hangUp(callId: string): Promise<void>;
}
