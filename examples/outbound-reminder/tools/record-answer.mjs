import { defineTool } from "murelay";

export default defineTool({
  description: "Record whether the person will come: confirm, cancel or move the appointment",
  parameters: {
    type: "object",
    properties: {
      answer: {
        type: "string",
        enum: ["confirmed", "cancelled", "other_day"],
        description:
          "confirmed: yes, I will come; cancelled: no, cancel it; other_day: move to another day",
      },
    },
    required: ["answer"],
    additionalProperties: false,
  },
  // `to` is the person who was called. Replace this by a request to your calendar.
  run: ({ answer }, { callSid }) => ({ recorded: answer, call: callSid }),
});
