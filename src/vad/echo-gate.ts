/** Where our own playout comes back. Passes every verdict as yet. */
export class EchoGate {
  played(_ulaw: Uint8Array, _start: number, _end: number, _playsAtMs: number): void {}
  cleared(_nowMs: number): void {}
  frame(_ulaw: Uint8Array, _start: number, vadSpeech: boolean, _levelDbov: number, _nowMs: number): boolean {
    return vadSpeech;
  }
  reset(): void {}
}
