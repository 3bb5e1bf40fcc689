import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { StreamTemplates, type StreamVerb } from "../../../src/adapters/twilio/stream-template.js";
import { renderTwiml, xmlText } from "../../../src/adapters/twilio/twiml-xml.js";
import { anyCharacter } from "../../fakes/any-character.js";

const verb = (parameters: Record<string, string>, url = "wss://a/media"): StreamVerb => ({
  verb: "connect_stream",
  action: "https://a/connect-ended?a=1&b=2",
  url,
  statusCallback: "https://a/stream-status",
  parameters,
});

/** The builder's own: a document with two verbs is not filled in. */
function built(stream: StreamVerb): string {
  return renderTwiml([stream, { verb: "leave" }]).replace("<Leave/>", "");
}

function counted() {
  const builds: StreamVerb[] = [];
  const templates = new StreamTemplates((stream) => {
    builds.push(stream);
    return built(stream);
  }, xmlText);
  return { templates, builds };
}

const values = fc.oneof(
  fc.string({ unit: anyCharacter, maxLength: 600 }),
  fc.string({ unit: fc.constantFrom(..."&<>\"'\t\n\r \u0000\ud800\ue000\ue001;amp".split("")) }),
);

describe("the document that begins a call", () => {
  it("is the builder's, whatever the values are", () => {
    const { templates, builds } = counted();
    fc.assert(
      fc.property(values, values, (token, from) => {
        const stream = verb({ token, from });
        expect(templates.render(stream)).toBe(built(stream));
      }),
      { numRuns: 500 },
    );
    expect(builds).toHaveLength(1);
  });

  it("is made anew where names or addresses differ", () => {
    const { templates, builds } = counted();
    for (const stream of [
      verb({ a: "1" }),
      verb({ b: "1" }),
      verb({}),
      verb({ a: "1" }, "wss://b/media"),
      verb({ a: "2" }),
      { ...verb({ a: "1" }), statusCallback: undefined as never },
    ])
      expect(templates.render(stream)).toBe(built(stream));
    expect(builds).toHaveLength(5);
  });

  it("keeps few documents, and builds the others", () => {
    const { templates } = counted();
    for (let i = 0; i < 100; i++) {
      const stream = verb({ [`name-${i}`]: `${i}` });
      expect(templates.render(stream)).toBe(built(stream));
    }
  });

  it("is right for a name that leaves its value no room, and for one with private characters", () => {
    const { templates } = counted();
    for (const name of ["n".repeat(498), "n".repeat(600), "\ue000\ue001\ue000"]) {
      const stream = verb({ [name]: "value" });
      expect(templates.render(stream)).toBe(built(stream));
    }
  });
});
