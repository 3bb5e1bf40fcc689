/** Renders the shipped Helm chart with the engine that Helm uses, which Debian packages for Go. */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";

const CHART = "deploy/helm/murelay";
const RENDERER = "test/fakes/helm/main.go";
/** Of Debian's Go packages. */
const GOPATH = "/usr/share/gocode";

export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly labels: Readonly<Record<string, string>> };
  // Tests look at what they know to be there.
  // biome-ignore lint/suspicious/noExplicitAny: a manifest's parts depend on its kind.
  readonly [part: string]: any;
}

/** Why the chart cannot be rendered here; null: it can. */
export function missingHelm(): string | null {
  if (spawnSync("go", ["version"]).status !== 0)
    return "no Go is installed (Debian: apt-get install golang-go)";
  if (!existsSync(join(GOPATH, "src/github.com/Masterminds/sprig")))
    return "apt-get install golang-github-masterminds-sprig-dev golang-gopkg-yaml.v3-dev";
  return null;
}

export class HelmChart {
  readonly #program: string;

  /** Compiles the renderer into this folder. */
  constructor(folder: string) {
    this.#program = join(folder, "helm");
    execFileSync("go", ["build", "-o", this.#program, RENDERER], {
      env: { ...process.env, GO111MODULE: "off", GOPATH, CGO_ENABLED: "0", GOFLAGS: "" },
    });
  }

  /** What is rendered, by the template's file. @throws Error with what Helm would say. */
  texts(values: object): Readonly<Record<string, string>> {
    const args = [CHART, "phone", "calls"];
    const result = spawnSync(this.#program, args, {
      input: JSON.stringify(values),
      encoding: "utf8",
      maxBuffer: 16 * 1024 * 1024,
    });
    if (result.status !== 0) throw new Error(result.stderr.trim());
    return JSON.parse(result.stdout) as Record<string, string>;
  }

  /** @throws Error when a document is no YAML. */
  manifests(values: object): readonly Manifest[] {
    return Object.entries(this.texts(values)).flatMap(([name, text]) => {
      if (name === "NOTES.txt") return [];
      const documents = parseAllDocuments(text);
      return [...documents].flatMap((document) => {
        const [error] = document.errors;
        if (error !== undefined) throw new Error(`${name}: ${error.message}\n${text}`);
        const manifest = document.toJS() as Manifest | null;
        return manifest === null ? [] : [manifest];
      });
    });
  }
}
