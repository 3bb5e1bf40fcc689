import { describe, expect, it } from "vitest";
import type { CallDeps } from "../../../src/relay/call/call-deps.js";
import type { CallLanguage } from "../../../src/relay/call/call-language.js";
import { ModelLink, type ModelLinkHost } from "../../../src/relay/call/model-link.js";
import type {
  ModelSession,
  ModelSessionEvents,
  SessionFailure,
  SessionRequest,
  SessionTool,
} from "../../../src/relay/model/model-session.js";
import { agent } from "../../fakes/call-bench.js";
import { FakeClock } from "../../fakes/fake-clock.js";
import { FakeMetrics } from "../../fakes/fake-metrics.js";
import { FakeLog } from "../../fakes/fake-ports.js";
import { Told } from "../../fakes/told.js";

const tool = (name: string): SessionTool => ({
  type: "function",
  name,
  description: "",
  parameters: {},
});
const REFUSED: SessionFailure = { code: "upstream_account", retryable: false, detail: "key" };
const LOST: SessionFailure = { code: "upstream_closed", retryable: true, detail: "" };
const HISTORY = [{ kind: "caller", text: "Hello?" }] as const;

function stage(keyTones = true) {
  const record = new Told();
  const { lines: told } = record;
  const opened: SessionRequest[] = [];
  const keep = (name: string) => record.keep(name);
  const host = {
    agent: agent({ modelSettings: { speed: 1.2 } }),
    path: {
      capabilities: { keyTones },
      turnDetection: { type: "semantic_vad" },
      sessionUnavailable: keep("path.sessionUnavailable"),
      sessionLost: keep("path.sessionLost"),
    },
    eventLog: {
      sessionReady: () => undefined,
      history: () => HISTORY,
      note: keep("note"),
      toolsForgotten: () => undefined,
    },
    log: new FakeLog(),
    greeting: { isLookingUp: true },
    tools: { conversationBegins: keep("tools.conversationBegins") },
    reply: {
      dialling: keep("reply.dialling"),
      dialled: keep("reply.dialled"),
      sessionEnded: keep("reply.sessionEnded"),
    },
    modelReady: (_: ModelSession, conversation: string) => told.push(`ready ${conversation}`),
  };
  const language = {
    voice: "cedar",
    instructions: "Habla.",
    opened: (lookingUp: boolean) => told.push(`language.opened ${lookingUp}`),
  };
  const deps = {
    clock: new FakeClock(),
    metrics: new FakeMetrics().metrics,
    upstreamTimeoutMs: 3_000,
    admission: {
      model: {
        sessionReady: keep("health.ready"),
        sessionFailed: (code: string, retryable: boolean) =>
          told.push(`health.failed ${code} ${retryable}`),
      },
    },
    models: {
      open: (request: SessionRequest) => {
        opened.push(request);
        return {
          close: keep("session.close"),
          note: (text: string) => told.push(`session.note ${text}`),
        } as unknown as ModelSession;
      },
    },
  };
  const specs = [tool("lookup_order"), tool("send_dtmf")];
  const link = new ModelLink(
    host as unknown as ModelLinkHost,
    language as unknown as CallLanguage,
    specs,
    {} as ModelSessionEvents,
    deps as unknown as CallDeps,
  );
  return { link, told, opened, clock: deps.clock };
}

describe("ModelLink", () => {
  it("opens a session in the call's language, with what the path does to turns", () => {
    const { link } = stage();
    expect(link.profile).toMatchObject({
      model: "gpt-realtime-2.1",
      voice: "cedar",
      instructions: "Habla.",
      turnDetection: { type: "semantic_vad" },
      settings: { speed: 1.2 },
    });
  });

  it("offers key tones to the model only on a path that has them", () => {
    const names = (keyTones: boolean) =>
      stage(keyTones).link.profile.tools.map((spec) => spec.type === "function" && spec.name);
    expect(names(true)).toEqual(["lookup_order", "send_dtmf"]);
    expect(names(false)).toEqual(["lookup_order"]);
  });

  it("gives a new model the conversation so far, and tells the tools that it is another", () => {
    const { link, opened, told } = stage();
    link.dial(null, "new");
    expect(opened).toMatchObject([{ history: HISTORY, audio: { path: "relayed" } }]);
    expect(told).toEqual(["tools.conversationBegins", "reply.dialling", "language.opened true"]);
    opened[0]?.lifecycle.ready();
    expect(told.slice(3)).toEqual(["health.ready", "reply.dialled", "ready new"]);
    expect(link.session).not.toBeNull();
  });

  it("tells a model that kept the conversation nothing of it", () => {
    const { link, opened, told } = stage(false);
    link.dial("rtc_1", "kept");
    expect(opened).toMatchObject([{ history: [], audio: { path: "direct", callId: "rtc_1" } }]);
    expect(told).not.toContain("tools.conversationBegins");
    opened[0]?.lifecycle.ready();
    expect(told).toContain("ready kept");
  });

  it.each([
    // It is in the history that a new model is given.
    ["new", []],
    ["kept", ["Late."]],
  ] as const)(
    "tells a session with a %s conversation again what the lost one may not have heard",
    (conversation, again) => {
      const { link, opened, told, clock } = stage();
      const notes = () =>
        told
          .splice(0)
          .filter((line) => line.startsWith("session.note"))
          .map((line) => line.slice(13));
      const dialled = () => {
        link.dial(conversation === "new" ? null : "rtc_1", conversation);
        opened.at(-1)!.lifecycle.ready();
      };
      dialled();
      link.note("Early.");
      clock.advance(10_000);
      link.note("Late.");
      clock.advance(5_000);
      expect(notes()).toEqual(["Early.", "Late."]);
      opened[0]!.lifecycle.lost(LOST);
      dialled();
      expect(notes()).toEqual(again);
      // That one is lost in turn, and later.
      clock.advance(15_000);
      opened[1]!.lifecycle.lost(LOST);
      dialled();
      expect(notes()).toEqual([]);
    },
  );

  it.each([
    ["new", ["After."]],
    ["kept", ["Before.", "After."]],
  ] as const)(
    "tells a session with a %s conversation what came while there was none",
    (conversation, facts) => {
      const { link, opened, told } = stage();
      // In the history that a new model is given.
      link.note("Before.");
      link.dial(conversation === "new" ? null : "rtc_1", conversation);
      link.note("After.");
      opened[0]?.lifecycle.ready();
      const notes = () => told.filter((line) => line.startsWith("session.note"));
      expect(notes()).toEqual(facts.map((fact) => `session.note ${fact}`));
      expect(told.at(-1)).toBe(`ready ${conversation}`);
      link.note("Now.");
      expect(notes().at(-1)).toBe("session.note Now.");
    },
  );

  it("has one session at a time", () => {
    const { link, opened } = stage();
    link.dial(null, "new");
    link.dial(null, "new");
    opened[0]?.lifecycle.ready();
    link.dial(null, "new");
    expect(opened).toHaveLength(1);
  });

  it("distinguishes a session that cannot be opened from one that was lost", () => {
    const unavailable = stage();
    unavailable.link.dial(null, "new");
    unavailable.opened[0]?.lifecycle.lost(REFUSED);
    expect(unavailable.told.slice(3)).toEqual([
      "session.close",
      "health.failed upstream_account false",
      "note session_unavailable",
      "reply.dialled",
      "path.sessionUnavailable",
    ]);
    const lost = stage();
    lost.link.dial(null, "new");
    lost.opened[0]?.lifecycle.ready();
    lost.opened[0]?.lifecycle.lost(REFUSED);
    expect(lost.told.slice(6)).toEqual([
      "health.failed upstream_account false",
      "note session_lost",
      "reply.sessionEnded",
      "path.sessionLost",
    ]);
    expect(lost.link.session).toBeNull();
  });

  it("reports nothing of a session that it has closed", () => {
    const { link, opened, told } = stage();
    link.dial(null, "new");
    link.close();
    expect(told.at(-1)).toBe("session.close");
    opened[0]?.lifecycle.ready();
    expect([told.at(-1), link.session]).toEqual(["session.close", null]);
  });
});
