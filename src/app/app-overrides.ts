import type { CallJournal } from "../domain/record-event.js";
import type { NamedOperator } from "../http/operator-directory.js";
import type { OperatorRoute } from "../http/operator-router.js";
import type { Clock } from "../ports/clock.js";
import type { Crm } from "../ports/crm.js";
import type { Log } from "../ports/log.js";
import type { CallControl } from "../ports/twilio.js";
import type { Cluster } from "../relay/calls/cluster.js";
import type { MachineLimits } from "../relay/calls/machine-limits.js";

/** The place of a process among several on one machine. */
export interface Seat {
  /** From 0. */
  readonly worker: number;
  /** Shared by all of them; 0 takes a free one. */
  readonly publicPort: number;
  readonly siblings: Cluster & MachineLimits;
}

/** What tests and the demo put in the place of the real thing. */
export interface AppOverrides {
  /** Absent: this is the only process on this machine. */
  readonly seat?: Seat;
  readonly clock?: Clock;
  readonly log?: Log;
  /** Instead of the database and all that hangs on it: records, recordings, shared state. */
  readonly journal?: CallJournal;
  /** More on the operator listener: where the journal is another, its records. */
  readonly routes?: readonly OperatorRoute[];
  /** Told of each call that is over, besides `crm.call_completed`. Not with a `journal`. */
  readonly completed?: Crm["completed"];
  /** Of OPERATORS_FILE, which has been read already. Absent: it is read. */
  readonly operators?: readonly NamedOperator[];
  /** The console may use a softphone on this machine. */
  readonly phone?: boolean;
  readonly control?: CallControl;
  /** True: every call is flight-recorded, whatever its agent says. */
  readonly recordFlights?: boolean;
  /** True: tool modules run before the first call comes, which then need not wait for them. */
  readonly warmTools?: boolean;
  /**
   * Has every process read the agents file again, for `POST /api/agents/reload`. Absent: the route
   * does not exist.
   *
   * @throws AgentsFileError when the file has faults.
   */
  readonly requestReload?: () => Promise<void>;
  /** Has every process refuse new calls, for `POST /api/drain`. Absent: this one is the only one. */
  readonly refuseCalls?: () => void;
}
