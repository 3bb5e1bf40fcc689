import { defineTool } from "murelay";

/** Replace this by a request to your calendar. */
const FREE = ["09:00", "10:30", "15:00"];

export default defineTool({
  description: "Which times are free on a day",
  parameters: {
    type: "object",
    properties: {
      date: { type: "string", pattern: "^\\d{4}-\\d{2}-\\d{2}$", description: "YYYY-MM-DD" },
    },
    required: ["date"],
    additionalProperties: false,
  },
  run: ({ date }) => ({ date, free: FREE }),
});
