/** The relays that are measured side by side, in the order of a round. */
export const RELAY_NAMES = ["murelay", "floor", "tutorial", "agents-sdk"] as const;

export type RelayName = (typeof RELAY_NAMES)[number];

export interface RelaySpec {
  /** As tables name it. */
  readonly label: string;
  /** Beside this file; null: the project's own relay. */
  readonly file: string | null;
  /** Of bench/peers/package.json: whose versions a result must tell. */
  readonly packages: readonly string[];
}

export const RELAYS: Readonly<Record<RelayName, RelaySpec>> = {
  murelay: { label: "murelay", file: null, packages: [] },
  floor: { label: "no-features floor", file: "floor.mjs", packages: [] },
  tutorial: { label: "tutorial style", file: "tutorial.mjs", packages: ["ws"] },
  "agents-sdk": {
    label: "OpenAI Agents SDK",
    file: "agents-sdk.mjs",
    packages: [
      "@openai/agents",
      "@openai/agents-extensions",
      "fastify",
      "@fastify/websocket",
      "ws",
    ],
  },
};

export function isRelayName(text: string): text is RelayName {
  return RELAY_NAMES.some((name) => name === text);
}
