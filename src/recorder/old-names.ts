/**
 * Flight recordings of versions before 0.2.0 use other names for some lines. They are read as their
 * present names, so that an old recording still replays.
 */
type Json = Readonly<Record<string, unknown>>;

/** One parsed line, with the names of this version. */
export function renamed(line: Json): Json {
  const { in: input, out, event } = line;
  if (input === "desk") return command(line);
  if (input === "clock" && event === "beat") return { ...line, event: "tick" };
  if (input === "tools" && event === "done") return { ...line, batch: batch(line["batch"]) };
  return out === "desk" ? { ...line, out: "host" } : line;
}

function command({ at, order, ...rest }: Json): Json {
  const { in: _, ...fields } = rest;
  const named = (type: unknown, more: Json = fields): Json => ({
    at,
    in: "command",
    type,
    ...more,
  });
  switch (order) {
    case "recognise":
      return named("look_up_caller");
    case "brief":
      return named("give_context");
    case "owe":
      return named("tell_model");
    case "inherit":
      return named("resume_from", { handoff: handoff(fields["heritage"]) });
    case "leave":
      return left(named, asObject(fields["departure"]));
    default:
      return named(order);
  }
}

function left(named: (type: unknown, more: Json) => Json, departure: Json): Json {
  const { kind, request, reason, farewell } = departure;
  return kind === "transfer"
    ? named("transfer", { request, farewell })
    : named("end", { reason, farewell });
}

function handoff(heritage: unknown): Json {
  const { owesAnswer, replyPending = owesAnswer, ...rest } = asObject(heritage);
  return { ...rest, replyPending };
}

function batch(value: unknown): Json {
  const { departure, disposition = departure, ...rest } = asObject(value);
  return { ...rest, disposition };
}

function asObject(value: unknown): Json {
  return typeof value === "object" && value !== null ? (value as Json) : {};
}
