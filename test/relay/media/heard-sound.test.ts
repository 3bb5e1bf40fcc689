import { expect, it } from "vitest";
import { HeardSound } from "../../../src/relay/media/heard-sound.js";

it("knows until when the caller hears something, and since when they say nothing", () => {
  const playout = { waitingBytes: 800, isSilent: () => false, leadMs: () => 100 };
  const vad = { certainlySilent: false };
  const sound = new HeardSound({ playout, vad });
  expect(sound.remainingMs(1_000)).toBe(200);
  expect(sound.at(1_000)).toEqual({ soundUntilMs: 1_200, silentSinceMs: null });
  playout.isSilent = () => true;
  vad.certainlySilent = true;
  expect(sound.at(1_500)).toEqual({ soundUntilMs: 1_200, silentSinceMs: 1_500 });
  expect(sound.at(1_600).silentSinceMs).toBe(1_500);
  vad.certainlySilent = false;
  expect(sound.at(1_700).silentSinceMs).toBeNull();
});
