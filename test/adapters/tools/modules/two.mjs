const mark = { [Symbol.for("murelay.tool")]: true, timeoutMs: null, sayWhileWaiting: null };
const parameters = { type: "object", properties: {} };

export const first = {
  ...mark,
  description: "First",
  parameters,
  run: async () => ({ output: 1 }),
};
export const second = {
  ...mark,
  description: "Second",
  parameters,
  run: async () => ({ output: 2 }),
};
