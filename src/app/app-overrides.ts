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

/** Replacements of parts of the app, for workers, `murelay dev`, the demo, embedding and tests. */
export interface AppOverrides {
  /** Absent: this is the only process on this machine. */
  readonly seat?: Seat;
  readonly clock?: Clock;
  readonly log?: Log;
  /** Replaces the database and everything that needs it: records, recordings, shared state. */
  readonly journal?: CallJournal;
  /** Further routes of the operator listener, for example for records with a `journal`. */
  readonly routes?: readonly OperatorRoute[];
  /** Called for each ended call, beside `crm.call_completed`. Not with a `journal`. */
  readonly completed?: Crm["completed"];
  /** The operators of OPERATORS_FILE, if it has been read before. Absent: it is read. */
  readonly operators?: readonly NamedOperator[];
  /** The console may use a softphone on this machine. */
  readonly phone?: boolean;
  readonly control?: CallControl;
  /** True: the flight recorder is on for every call, whatever its agent says. */
  readonly recordFlights?: boolean;
  /** True: tool modules start before the first call, which then does not wait for them. */
  readonly warmTools?: boolean;
  /**
   * Makes every process reload the agents file, for `POST /api/agents/reload`. Absent: the route
   * does not exist.
   *
   * @throws AgentsFileError when the file has faults.
   */
  readonly requestReload?: () => Promise<void>;
  /** Makes every process refuse new calls, for `POST /api/drain`. Absent: this is the only one. */
  readonly refuseCalls?: () => void;
}
