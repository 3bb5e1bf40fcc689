/** The routes about stored calls: records, searches, reviews. */
import type { CallStore, ReviewStore } from "../ports/store.js";
import type { OperatorRoute } from "./operator-router.js";
import { type RecordRouteParts, recordRoutes } from "./record-routes.js";
import { reviewRoutes } from "./review-routes.js";
import { searchRoutes } from "./search-routes.js";

export interface HistoryRouteParts extends Omit<RecordRouteParts, "store"> {
  readonly store: RecordRouteParts["store"] &
    Pick<CallStore, "loadJson" | "count" | "sumByNode"> &
    ReviewStore;
  readonly epochMs: () => number;
  /** Makes an id that is unique across processes. */
  readonly newId: () => string;
}

export function historyRoutes(parts: HistoryRouteParts): readonly OperatorRoute[] {
  const { store, live, epochMs, newId } = parts;
  return [
    ...recordRoutes(parts),
    ...searchRoutes({ store, reviews: store, live }, epochMs),
    ...reviewRoutes({ store, reviews: store, epochMs, newId }),
  ];
}
