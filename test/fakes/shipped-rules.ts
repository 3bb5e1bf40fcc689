import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";

const DEPLOY = fileURLToPath(new URL("../../deploy/", import.meta.url));

/** An alert, a recording rule or a query of a dashboard's panel, as shipped. */
export interface ShippedExpression {
  /** `alerts.yaml MurelayNoCalls`, `overview.json Barge-ins`. */
  readonly where: string;
  readonly kind: "alert" | "record" | "panel";
  readonly expr: string;
}

interface Rules {
  readonly groups: readonly {
    readonly rules: readonly { alert?: string; record?: string; expr: string }[];
  }[];
}

function rulesOf(file: string): readonly ShippedExpression[] {
  const { groups } = parse(readFileSync(`${DEPLOY}prometheus/${file}`, "utf8")) as Rules;
  return groups
    .flatMap(({ rules }) => rules)
    .map(({ alert, record, expr }) => ({
      where: `${file} ${alert ?? record}`,
      kind: alert === undefined ? ("record" as const) : ("alert" as const),
      expr,
    }));
}

export interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly gridPos: {
    readonly x: number;
    readonly y: number;
    readonly w: number;
    readonly h: number;
  };
  readonly targets?: readonly {
    readonly refId: string;
    readonly expr: string;
    readonly legendFormat?: string;
  }[];
}

export interface Dashboard {
  readonly uid: string;
  readonly title: string;
  readonly schemaVersion: number;
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly { readonly name: string }[] };
}

/** The dashboards by file name. */
export function dashboards(): ReadonlyMap<string, Dashboard> {
  const files = readdirSync(`${DEPLOY}grafana`).filter((file) => file.endsWith(".json"));
  return new Map(
    files.map((file) => [file, JSON.parse(readFileSync(`${DEPLOY}grafana/${file}`, "utf8"))]),
  );
}

/** Every expression that is shipped; the variables of dashboards stand for everything. */
export function shippedExpressions(): readonly ShippedExpression[] {
  const panels = [...dashboards()].flatMap(([file, { panels: all }]) =>
    all.flatMap(({ title, targets = [] }) =>
      targets.map(({ expr }) => ({
        where: `${file} ${title}`,
        kind: "panel" as const,
        expr: expr.replace(/\$(agent|instance)\b/g, ".*"),
      })),
    ),
  );
  return [...rulesOf("alerts.yaml"), ...rulesOf("recording-rules.yaml"), ...panels];
}
