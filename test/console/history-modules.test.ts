/** The console's modules behind the pages of ended calls, reviews, the wall, alerts and shortcuts. */
import { afterEach, describe, expect, it, vi } from "vitest";
import { Alerts, TroubleWatch } from "../../console/alerts.js";
import { changedLink, linkOf, queryOf, toQuery } from "../../console/calls-filter.js";
import { Figures } from "../../console/figures.js";
import { dollars, when } from "../../console/format.js";
import type { Row } from "../../console/live-calls.js";
import { readRoute } from "../../console/route.js";
import { KeySequence, SHORTCUTS } from "../../console/shortcut-keys.js";
import { allProcesses, hourOf, isSilent, loadOf, quantile, wallNodes } from "../../console/wall.js";

const row = (callSid: string, changes: Partial<Row> = {}): Row => ({
  callSid,
  agent: "support",
  number: null,
  direction: "inbound",
  node: "a",
  startedMs: 0,
  phase: "listening",
  detail: "",
  wordsBy: "agent",
  words: "",
  voiceToVoiceMs: null,
  interruptions: 0,
  interruptedItem: "",
  failedTools: 0,
  problems: 0,
  endedMs: null,
  ...changes,
});

describe("a saved search", () => {
  it("is an address, in which one part is changed or taken away", () => {
    const filter = { q: "late order", outcome: "failed" };
    expect(changedLink(filter, "tag", "vip")).toBe("#/ended?q=late+order&outcome=failed&tag=vip");
    expect(changedLink(filter, "outcome", "")).toBe("#/ended?q=late+order");
    expect(changedLink(filter, "q", "", "#/review")).toBe("#/review?outcome=failed");
    expect(toQuery({ review: "open", rating: "2", flag: "repeated" })).toEqual({
      state: "ended",
      review: "open",
      rating: "2",
      flag: "repeated",
    });
  });

  it("has the names of its page alone, and its times as instants", () => {
    const names = ["operator", "since"];
    const query = queryOf(names, { operator: " ada ", since: "2026-11-21T08:00Z", q: "x" });
    expect(query).toEqual({ operator: "ada", since: "2026-11-21T08:00:00.000Z" });
    expect(queryOf(names, { operator: " ", since: "soon" })).toEqual({});
    const form = new FormData();
    for (const [name, value] of [
      ["operator", " ada "],
      ["since", ""],
      ["q", "x"],
    ] as const)
      form.set(name, value);
    expect(linkOf(names, form, "#/audit")).toBe("#/audit?operator=ada");
    expect(linkOf(names, new FormData(), "#/audit")).toBe("#/audit");
  });

  it.each([
    ["#/review?flag=repeated", { page: "review", filter: { flag: "repeated" } }],
    ["#/audit?operator=ada", { page: "audit", filter: { operator: "ada" } }],
    ["#/wall", { page: "wall" }],
  ])("%s is a page", (hash, route) => expect(readRoute(hash)).toEqual(route));
});

describe("the trouble that is told", () => {
  it("is each call's first, once, and again only after the call has gone", () => {
    const watch = new TroubleWatch();
    const [fine, slow] = [row("CA1"), row("CA2", { voiceToVoiceMs: 3_000 })];
    expect(watch.look([fine], false)).toEqual([]);
    const [told] = watch.look([fine, slow], false);
    expect(told).toMatchObject({ body: "slow answer", tag: "CA2", link: "#/calls/CA2" });
    expect(watch.look([fine, { ...slow, failedTools: 2 }], false)).toEqual([]);
    expect(watch.look([fine], false)).toEqual([]);
    expect(watch.look([slow], false)).toHaveLength(1);
  });

  it("is not that of a call which has ended, and no number stands in it", () => {
    const watch = new TroubleWatch();
    const number = "+15550001111";
    expect(watch.look([row("CA1", { problems: 1, endedMs: 5 })], false)).toEqual([]);
    const alerts = watch.look([row("CA2", { problems: 1, number })], false);
    expect(JSON.stringify(alerts)).not.toContain(number);
  });

  it("is also a relay that cannot be reached, once each time", () => {
    const watch = new TroubleWatch();
    const lost = (isLost: boolean) => watch.look([], isLost).length;
    expect([true, true, false, true].map(lost)).toEqual([1, 0, 0, 1]);
  });
});

describe("notifications of trouble", () => {
  afterEach(() => vi.unstubAllGlobals());

  async function alertsOn() {
    const shown: string[] = [];
    const kept = new Map<string, string>();
    vi.stubGlobal("window", { isSecureContext: true });
    vi.stubGlobal("sessionStorage", {
      getItem: (key: string) => kept.get(key) ?? null,
      setItem: (key: string, value: string) => kept.set(key, value),
      removeItem: (key: string) => kept.delete(key),
    });
    vi.stubGlobal(
      "Notification",
      class {
        static permission = "granted";
        static requestPermission = async () => "granted";
        constructor(_title: string, { body, tag }: { body: string; tag: string }) {
          shown.push(`${tag}: ${body}`);
        }
      },
    );
    const alerts = new Alerts();
    expect(alerts.isOn).toBe(false);
    await alerts.turn(true);
    return { alerts, shown };
  }
  const slow = (callSid: string) => row(callSid, { voiceToVoiceMs: 3_000 });

  it("wait for a pause after the last one, and then tell what is still in trouble", async () => {
    const { alerts, shown } = await alertsOn();
    const [first, second, third, fourth] = [slow("CA1"), slow("CA2"), slow("CA3"), slow("CA4")];
    alerts.look([first], false, 0);
    expect(shown).toEqual(["CA1: slow answer"]);
    alerts.look([first, second], true, 1_000);
    alerts.look([first, second, third, fourth], true, 4_999);
    expect(shown).toHaveLength(1);
    // The second call has ended, and the relay can be reached again.
    alerts.look([first, { ...second, endedMs: 5 }, third, fourth], false, 5_000);
    expect(shown.slice(1)).toEqual(["CA3: slow answer And 1 more."]);
    alerts.look([first, third, fourth], false, 60_000);
    expect(shown).toHaveLength(2);
  });

  it("tell of trouble that was over before it could be told, when it comes again", async () => {
    const { alerts, shown } = await alertsOn();
    const [first, second] = [slow("CA1"), slow("CA2")];
    alerts.look([first], false, 0);
    alerts.look([first, second], false, 1_000);
    alerts.look([first, row("CA2")], false, 2_000);
    alerts.look([first, row("CA2")], false, 9_000);
    expect(shown).toHaveLength(1);
    alerts.look([first, second], false, 10_000);
    expect(shown.slice(1)).toEqual(["CA2: slow answer"]);
  });

  it("tell of nothing that began while they were off", async () => {
    const { alerts, shown } = await alertsOn();
    alerts.look([slow("CA1")], false, 0);
    alerts.look([slow("CA2")], false, 1_000);
    await alerts.turn(false);
    alerts.look([slow("CA2"), slow("CA3")], true, 2_000);
    await alerts.turn(true);
    alerts.look([slow("CA2"), slow("CA3")], true, 9_000);
    expect(shown).toEqual(["CA1: slow answer"]);
  });
});

describe("keyboard shortcuts", () => {
  it("are single keys, or pairs in short succession", () => {
    const keys = new KeySequence();
    expect(keys.press("?", 0)?.act).toBe("help");
    expect(keys.press("g", 1)).toBeNull();
    expect(keys.press("w", 500)?.link).toBe("#/wall");
    expect(keys.press("g", 1_000)).toBeNull();
    expect(keys.press("w", 9_000)).toBeNull();
    expect(keys.press("g", 10_000)).toBeNull();
    expect(keys.press("x", 10_100)).toBeNull();
    expect(keys.press("j", 10_200)?.act).toBe("next");
  });

  it("lead to pages that there are, each by keys of its own", () => {
    const links = SHORTCUTS.flatMap(({ link }) => link ?? []);
    for (const link of links) expect(`#/${readRoute(link).page}`).toBe(link);
    expect(new Set(SHORTCUTS.map(({ keys }) => keys)).size).toBe(SHORTCUTS.length);
  });
});

describe("the wall", () => {
  const worker = (node: string, n: number, changes: object = {}) => ({
    ...{ node, worker: n, calls: 2, maxCalls: 10, draining: false, silentMs: 0 },
    ...changes,
  });
  const sum = { node: "b", calls: 4, failed: 1, costUsd: 0.5, latencyMs: 900 };

  it("has each node that carries calls or carried some in the last hour", () => {
    const nodes = wallNodes(
      [worker("a", 1), worker("a", 0), worker("c", 0, { silentMs: 60_000 })],
      [sum, { ...sum, node: null }],
    );
    expect(nodes.map(({ node }) => node)).toEqual(["a", "b", "c", "unknown"]);
    expect(nodes[0]).toMatchObject({ calls: 4, maxCalls: 20, silent: false, sum: null });
    expect(nodes[0]?.workers.map(({ worker: n }) => n)).toEqual([0, 1]);
    expect(nodes[1]).toMatchObject({ workers: [], silent: false, sum });
    expect(nodes[2]).toMatchObject({ silent: true, calls: 0, maxCalls: 0 });
    expect(hourOf([sum, sum])).toEqual({ calls: 8, failed: 2, costUsd: 1 });
  });

  it("counts no worker that is silent, and shows it until another one has its place", () => {
    const dead = { silentMs: 12_001 };
    const processes = [
      ...[worker("a", 0), worker("a", 1, dead), worker("b", 0, { silentMs: 40_000 })],
      ...[worker("b", 0, { silentMs: 3_000 }), worker("b", 0, dead)],
    ];
    expect(loadOf(processes)).toEqual({ calls: 4, maxCalls: 20 });
    // One that was killed a moment ago, and the one that has its place.
    const replaced = [worker("a", 0), worker("a", 0, { silentMs: 6_000 })];
    expect(loadOf(replaced)).toEqual({ calls: 2, maxCalls: 10 });
    const [a, b] = wallNodes(processes, []);
    expect(a).toMatchObject({ calls: 2, maxCalls: 10, silent: false });
    expect(a?.workers.map(isSilent)).toEqual([false, true]);
    expect(b?.workers).toEqual([worker("b", 0, { silentMs: 3_000 })]);
  });

  it("takes the workers of one machine from its metrics, where no database tells of them", () => {
    const figures = new Figures(
      [0, 1]
        .flatMap((n) => [
          `murelay_calls_limit{worker="${n}"} 50`,
          `murelay_calls_active{worker="${n}"} ${n + 3}`,
          `murelay_draining{worker="${n}"} ${n}`,
        ])
        .join("\n"),
    );
    const own = [worker("a", 0)];
    expect(allProcesses(own, figures)).toEqual([
      worker("a", 0, { calls: 3, maxCalls: 50 }),
      worker("a", 1, { calls: 4, maxCalls: 50, draining: true }),
    ]);
    const all = [worker("a", 0), worker("b", 0)];
    expect(allProcesses(all, figures)).toEqual(all);
    expect(allProcesses([], figures)).toEqual([]);
  });

  it("knows the middle and the end of what is known", () => {
    expect(quantile([null, 3, 1, 2], 0.5)).toBe(2);
    expect(quantile([1, 2, 3, null], 0.95)).toBe(3);
    expect(quantile([null], 0.5)).toBeNull();
  });
});

it("times name their zone, and nothing costs nothing", () => {
  expect(when("2026-11-21T08:00:00.000Z")).toMatch(/2026.*(?:UTC|GMT|[A-Z]{2,5})/);
  expect([dollars(0), dollars(0.0123), dollars(12), dollars(null)]).toEqual([
    "$0.00",
    "$0.0123",
    "$12.00",
    "–",
  ]);
});
