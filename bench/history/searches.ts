/** What is searched for: every parameter of `GET /api/calls`, alone and combined. */
import { NEWEST_MS } from "./records.js";

const DAY_MS = 86_400_000;

export function searches(calls: number): readonly string[] {
  const week = new Date(NEWEST_MS - 7 * DAY_MS).toISOString();
  const day = new Date(NEWEST_MS - DAY_MS).toISOString();
  const month = new Date(NEWEST_MS - 30 * DAY_MS).toISOString();
  const parameters = [
    "",
    "agent=support",
    "agent=nobody",
    "outcome=failed",
    "outcome=completed&agent=sales",
    "from=%2B12125551234",
    `since=${week}`,
    `since=${month}&until=${week}&outcome=failed`,
    "q=order",
    "q=refund+delayed+warehouse",
    "q=babadi",
    "q=%22order+is+late%22",
    "q=%22order+is+late%22&outcome=failed",
    "q=or",
    "q=order+the+to+can&end_reason=none_such",
    "q=5551234",
    `q=CA${"0".repeat(24)}`,
    "q=nothinglikethis",
    "end_reason=session_lost",
    "end_reason=none_such",
    "destination=billing",
    "min_latency_ms=900",
    "min_latency_ms=5000",
    "min_duration_s=100",
    "min_duration_s=100000",
    "min_cost_usd=0.05",
    "interrupted=true",
    "interrupted=false",
    "tool_failed=true",
    "tool_failed=true&interrupted=true&min_latency_ms=2000",
    "sort=latency",
    "sort=duration",
    "sort=cost",
    "sort=interruptions",
    "sort=latency&agent=billing&outcome=failed",
    "sort=cost&q=refund",
    `q=order&outcome=failed&tool_failed=true&since=${month}`,
    "outcome=failed&destination=billing",
    "outcome=rejected&interrupted=true",
    "agent=booking&destination=experts&min_cost_usd=0.02&sort=duration",
  ];
  const reviews = [
    "flag=transfer_failed",
    "flag=sampled&outcome=completed",
    "review=open",
    "review=open&agent=support&sort=latency",
    "review=done",
    "rating=1",
    "tag=billing-error",
    "min_interruptions=3",
    "node=node-b",
  ];
  const counted = [
    "",
    "agent=support",
    "outcome=failed&agent=sales",
    "interrupted=true&tool_failed=true",
    `since=${week}`,
    "min_latency_ms=2000",
    "q=order",
    "q=refund+delayed",
    "q=babadi",
    "q=or",
    "q=%22order+is+late%22",
    "q=order&agent=support&outcome=completed&interrupted=true",
    "q=order&review=open&min_latency_ms=900",
    "q=5551",
    "review=open",
    "tag=billing-error&rating=1",
  ];
  parameters.push(...reviews);
  const listed = parameters.map((text) => `/api/calls?state=ended${text === "" ? "" : `&${text}`}`);
  return [
    "/api/calls?state=live",
    ...listed,
    ...counted.map((text) => `/api/calls/counts${text === "" ? "" : `?${text}`}`),
    `/api/nodes/sums?since=${day}`,
    ...(calls > 1_000 ? ["/api/calls?limit=500"] : []),
  ];
}
