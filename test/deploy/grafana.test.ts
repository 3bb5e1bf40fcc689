import { describe, expect, it } from "vitest";
import { dashboards, type Panel } from "../fakes/shipped-rules.js";

const COLUMNS = 24;

/** The cells of the dashboard's grid that a panel covers. */
function cells({ gridPos: { x, y, w, h } }: Panel): readonly string[] {
  return Array.from({ length: w * h }, (_, i) => `${x + (i % w)},${y + Math.floor(i / w)}`);
}

describe.each([...dashboards()])("the dashboard %s", (file, board) => {
  it("has what Grafana needs to import it", () => {
    expect(board.uid).toMatch(/^[a-z0-9-]{1,40}$/);
    expect(board.title).toMatch(/^murelay: /);
    expect(board.schemaVersion).toBeGreaterThanOrEqual(36);
    expect(board.panels.length).toBeGreaterThan(0);
    const ids = board.panels.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it("places each panel inside the grid, and none over another", () => {
    const taken = board.panels.flatMap(cells);
    expect(new Set(taken).size).toBe(taken.length);
    for (const { gridPos } of board.panels)
      expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(COLUMNS);
  });

  it("says what question each panel answers, and asks the data source that is chosen", () => {
    for (const panel of board.panels) {
      expect([panel.title, panel.description ?? ""]).not.toContain("");
      const targets = panel.targets ?? [];
      expect(targets.length).toBeGreaterThan(0);
      expect(new Set(targets.map(({ refId }) => refId)).size).toBe(targets.length);
      expect(JSON.stringify(panel)).toContain(`"$\{datasource}"`);
    }
  });

  it("shows a worker together with its node: worker 0 of two nodes is two workers", () => {
    for (const { expr, legendFormat = "" } of board.panels.flatMap(({ targets = [] }) => targets)) {
      for (const [, labels] of expr.matchAll(/by ?\(([^)]*\bworker\b[^)]*)\)/g))
        expect(labels).toContain("instance");
      if (legendFormat.includes("{{worker}}")) expect(legendFormat).toContain("{{instance}}");
    }
  });

  it("uses only variables that it defines", () => {
    const known = new Set(board.templating.list.map(({ name }) => name));
    const used = board.panels
      .flatMap(({ targets = [] }) => targets)
      .flatMap(({ expr }) => [...expr.matchAll(/\$\{?(\w+)\}?/g)].map((match) => match[1] ?? ""));
    expect(used.filter((name) => !known.has(name))).toEqual([]);
    expect(file).toMatch(/\.json$/);
  });
});

it("no two dashboards have the same uid", () => {
  const uids = [...dashboards().values()].map(({ uid }) => uid);
  expect(new Set(uids).size).toBe(uids.length);
});
