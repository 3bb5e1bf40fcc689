import { describe, expect, it } from "vitest";
import type { PeerConnectionEvents } from "../../../src/ports/sockets.js";
import { PeerListening } from "../../../src/relay/calls/peer-listening.js";

const FULL = 64 * 1024 + 1;

function stage() {
  const told: string[] = [];
  const buffered = { listener: 0, peer: 0 };
  let events: PeerConnectionEvents | null = null;
  const listening = new PeerListening({
    begin: (given) => {
      events = given;
    },
    send: (ulaw) => void told.push(`peer gets ${ulaw}`),
    bufferedBytes: () => buffered.peer,
    close: (code, reason) => void told.push(`peer closed ${code} ${reason}`),
  });
  const receiver = () =>
    listening.join({
      send: (message, isBinary) => void told.push(`listener gets ${message} ${isBinary}`),
      bufferedBytes: () => buffered.listener,
      close: (code, reason) => void told.push(`listener closed ${code} ${reason}`),
    });
  return { listening, receiver, told, buffered, events: () => events! };
}

describe("a listener of another process's call", () => {
  it("gets what the other process sends, and sends it the microphone", () => {
    const { receiver, told, events } = stage();
    const { audio, closed } = receiver();
    events().message(Uint8Array.of(1), true);
    events().message(Uint8Array.of(123, 125), false);
    audio(Uint8Array.of(7));
    closed(1000);
    expect(told).toEqual([
      "listener gets 1 true",
      "listener gets 123,125 false",
      "peer gets 7",
      "peer closed 1000 left",
    ]);
  });

  it("is dropped when they do not keep up, and the other process is told why", () => {
    const { receiver, told, buffered, events } = stage();
    receiver();
    buffered.listener = FULL;
    events().message(Uint8Array.of(1), true);
    expect(told).toEqual(["peer closed 1013 too_slow", "listener closed 1013 too_slow"]);
  });

  it("loses audio of the microphone that the connection does not take", () => {
    const { receiver, told, buffered } = stage();
    const { audio } = receiver();
    buffered.peer = FULL;
    audio(Uint8Array.of(7));
    expect(told).toEqual([]);
  });

  it.each([
    [1000, "call_ended", "1000 call_ended"],
    [1013, "too_slow", "1013 too_slow"],
    [1006, "", "1011 node_lost"],
  ])("ends as the other process ends it: %i", (code, reason, end) => {
    const { receiver, told, events } = stage();
    receiver();
    events().closed(code, reason);
    expect(told).toEqual([`listener closed ${end}`]);
  });

  it("who has gone before they could join leaves no connection", () => {
    const { listening, told } = stage();
    listening.abandon();
    expect(told).toEqual(["peer closed 1000 left"]);
  });
});
