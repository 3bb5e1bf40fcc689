import { RelayError } from "../domain/errors.js";
import type { CallSid } from "../domain/ids.js";
import type { TransferFailure } from "../domain/transfer-request.js";
import type { Timer } from "../ports/clock.js";
import type { Twiml } from "../wire/twiml.js";
import { kindOf } from "./destinations/kinds.js";
import { consultGoodbyeTwiml, joinTwiml, withOurNumber } from "./destinations/warm.js";
import { apologyTwiml, type DocumentParts } from "./documents.js";
import { Escalation } from "./escalation.js";
import type { TransferDeps, TransferStart } from "./transfer-deps.js";
import type { Page, TransferEffect, TransferEvent, TransferState } from "./transfer-events.js";
import { TransferRequests } from "./transfer-requests.js";

type EffectOf<Do extends TransferEffect["do"]> = Extract<TransferEffect, { do: Do }>;

/** The transfer whose effects are carried out. */
export interface Decider {
  readonly state: TransferState;
  dispatch(event: TransferEvent): void;
}

export const HANG_UP: Twiml = [{ verb: "hangup" }];

const NO_ESCALATION = { escalated: () => undefined, failed: () => undefined };

/**
 * Carries out what `transfer-state.ts` decides: requests, documents, one timer, and record events.
 */
export class TransferEffects {
  readonly #start: TransferStart;
  readonly #decider: Decider;
  readonly #deps: TransferDeps;
  readonly #requests: TransferRequests;
  #escalation: Escalation;
  #timer: Timer | null = null;
  #consultSinceEpochMs: number;
  #mode: "running" | "superseded" | "closed" = "running";

  constructor(start: TransferStart, decider: Decider, deps: TransferDeps) {
    this.#start = start;
    this.#decider = decider;
    this.#deps = deps;
    this.#requests = new TransferRequests(start.request.callSid, deps);
    this.#escalation = new Escalation(null, deps.clock, NO_ESCALATION);
    this.#consultSinceEpochMs = start.keptEpochMs ?? deps.clock.epochMs();
  }

  get isRunning(): boolean {
    return this.#mode === "running";
  }

  /**
   * A newer transfer of the same call takes the place of this one. Its late consult legs are still
   * hung up.
   */
  supersede(): void {
    if (this.#mode === "running") this.#mode = "superseded";
    this.#timer?.cancel();
    this.#escalation.close();
  }

  /** Timers stop, and nothing is carried out any more. Idempotent. */
  close(): void {
    this.#mode = "closed";
    this.#timer?.cancel();
    this.#escalation.close();
    this.#requests.close();
  }

  carryOut(effect: Exclude<TransferEffect, { do: "answer" }>): void {
    const lateLeg = this.#mode === "superseded" && effect.do === "hang_up_consult_leg";
    if (!this.isRunning && !lateLeg) return;
    switch (effect.do) {
      case "redirect":
        this.#redirect(effect.page);
        return;
      case "probe":
        this.#probe();
        return;
      case "close_stream":
        this.#start.host.closeStream();
        return;
      case "hang_up_caller":
        this.#requests.hangUp(this.#start.request.callSid);
        return;
      case "call_consult_leg":
        this.#callConsultLeg();
        return;
      case "find_consult_leg":
        this.#findConsultLeg(effect.attempt);
        return;
      case "probe_consult_leg":
        this.#probeConsultLeg(effect.sid);
        return;
      case "hang_up_consult_leg":
        this.#requests.hangUp(effect.sid);
        return;
      case "arm":
        this.arm(effect.ms);
        return;
      case "disarm":
        this.#timer?.cancel();
        this.#timer = null;
        return;
      case "record":
        this.#record(effect);
        return;
      case "end":
        this.#end(effect);
        return;
      case "lost":
        this.#start.host.lost();
        return;
    }
  }

  arm(ms: number): void {
    this.#timer?.cancel();
    this.#timer = this.#deps.clock.after(ms, () => {
      this.#timer = null;
      this.#decider.dispatch({ type: "timer", onStream: this.#start.host.onStream() });
    });
  }

  #record({ step, detail }: Pick<EffectOf<"record">, "step" | "detail">): void {
    const { host } = this.#start;
    host.journal({ type: "transfer_step", atMs: host.atMs(), step, detail });
  }

  #end({ destination, outcome, next }: EffectOf<"end">): void {
    const { host, agent, request } = this.#start;
    const { name, kind } = destination;
    this.#escalation.close();
    host.journal({ type: "transfer_outcome", atMs: host.atMs(), destination: name, outcome });
    this.#deps.metrics.transfers.add(1, agent.name, kind, outcome);
    this.#deps.log.info("transfer: ended", { callSid: request.callSid, kind, outcome, next });
    host.ended({ destination: name, outcome, next });
  }

  // --- documents --------------------------------------------------------------------------------

  get parts(): DocumentParts {
    const { failoverList, step, revision, attempt } = this.#decider.state;
    const destination = failoverList[step];
    if (destination === undefined) throw new RelayError("internal", "a transfer without a step");
    const { request, agent, host } = this.#start;
    return {
      request,
      agent,
      destination,
      step,
      revision,
      attempt,
      url: host.url,
      recordUrl: this.#deps.recordUrl?.(request.callSid) ?? null,
      caseReference: this.#escalation.caseReference,
    };
  }

  pageTwiml(page: Page): Twiml {
    const { request, agent, host } = this.#start;
    const { parts } = this;
    switch (page) {
      case "step":
        return kindOf(parts.destination).document(parts.destination, parts);
      case "agent":
        return host.returnTwiml(failureOf(parts.destination.name, this.#decider.state));
      case "apology":
        return apologyTwiml(agent);
      case "hangup":
        return HANG_UP;
      case "join":
        return joinTwiml(request, parts.attempt);
      case "too_late":
        return consultGoodbyeTwiml(agent, "too_late");
    }
  }

  // --- requests ---------------------------------------------------------------------------------

  #redirect(page: Page): void {
    const { revision } = this.#decider.state;
    const { host } = this.#start;
    const send = (): void => {
      // The wait for the CRM may have changed everything.
      const { phase, revision: now } = this.#decider.state;
      const wanted = phase.name === "redirecting" || phase.name === "returning";
      if (!this.isRunning || now !== revision || !wanted) return;
      this.#requests.redirect(
        () => this.pageTwiml(page),
        () => this.#decider.dispatch({ type: "redirected", revision, onStream: host.onStream() }),
        (code) => {
          const onStream = host.onStream();
          this.#decider.dispatch({ type: "redirect_failed", revision, code, onStream });
        },
      );
    };
    if (page === "step" && kindOf(this.parts.destination).namesCase)
      this.#escalation.whenTold(send);
    else send();
  }

  #probe(): void {
    const { revision } = this.#decider.state;
    this.#requests.callerStatus((status) => {
      const onStream = this.#start.host.onStream();
      this.#decider.dispatch({ type: "probed", revision, status, onStream });
    });
  }

  #callConsultLeg(): void {
    const { parts } = this;
    const { destination, attempt } = parts;
    const { consult } = kindOf(destination);
    if (consult === null) return;
    this.#consultSinceEpochMs = this.#deps.clock.epochMs();
    const call = consult.call(destination, parts);
    this.#requests.createConsultLeg(
      call,
      withOurNumber(call, parts.request),
      consult.whisper(parts),
      (sid) => this.#decider.dispatch({ type: "consult_created", attempt, sid }),
      (code) => this.#decider.dispatch({ type: "consult_failed", attempt, code }),
    );
  }

  #findConsultLeg(attempt: number): void {
    const { parts } = this;
    const { consult } = kindOf(parts.destination);
    if (consult === null) return;
    const { to } = consult.call(parts.destination, parts);
    this.#requests.findCalls(to, this.#consultSinceEpochMs, (exists) => {
      this.#decider.dispatch({ type: "consult_found", attempt, exists });
    });
  }

  #probeConsultLeg(sid: CallSid): void {
    const { attempt } = this.#decider.state;
    this.#requests.consultStatus(sid, (status) => {
      this.#decider.dispatch({ type: "consult_status", attempt, sid, status, source: "probe" });
    });
  }

  /** Tells the CRM, where there is one. Once, at the beginning. */
  escalate(): void {
    const { escalate, log, clock } = this.#deps;
    const { request, agent } = this.#start;
    if (escalate === null) return;
    this.#escalation = new Escalation(() => escalate(request, agent.name), clock, {
      escalated: (detail) => this.#record({ step: "escalated", detail }),
      failed: (code, error) => {
        log.warn("transfer: escalation failed", { callSid: request.callSid, code }, error);
        this.#record({ step: "escalation_failed", detail: code });
      },
    });
  }
}

/** For callers who are brought back: what the agent is told. */
function failureOf(destination: string, { phase }: TransferState): TransferFailure {
  const ended = phase.name === "over" || phase.name === "returning";
  const outcome = ended && phase.outcome !== "answered" ? phase.outcome : "failed";
  return { destination, outcome, refusal: null };
}
