// Listens to a live call. See docs/listening.md for the protocol.
import { listenAddress } from "./api.js";

/** @typedef {"off" | "opening" | "on"} ListenState */

const RATE_HZ = 8_000;
const HEADER_BYTES = 8;

/** @type {Readonly<Record<number, string>>} */
const CLOSES = {
  1000: "The call has ended.",
  1008: "You have signed out.",
  1013: "This connection is too slow to listen.",
};

export class CallListener {
  /** @type {ListenState} */
  state = "off";
  problem = "";
  #changed;
  /** @type {WebSocket | null} */
  #socket = null;
  /** @type {AudioContext | null} */
  #audio = null;
  /** @type {AudioWorkletNode | null} */
  #player = null;

  /** @param {() => void} changed */
  constructor(changed) {
    this.#changed = changed;
  }

  /** @param {string} callSid */
  async start(callSid) {
    if (this.state !== "off") return;
    this.problem = "";
    this.#become("opening");
    try {
      await this.#openAudio();
    } catch (error) {
      this.#close(`Sound cannot be played: ${error instanceof Error ? error.message : error}`);
      return;
    }
    this.#connect(callSid);
  }

  stop() {
    this.#close("");
  }

  async #openAudio() {
    // The browser resamples: the worklet's samples are those of the phone line.
    const audio = new AudioContext({ sampleRate: RATE_HZ, latencyHint: "interactive" });
    this.#audio = audio;
    await audio.audioWorklet.addModule(new URL("listen-worklet.js", import.meta.url));
    const player = new AudioWorkletNode(audio, "listener", {
      numberOfInputs: 0,
      outputChannelCount: [2],
    });
    player.connect(audio.destination);
    this.#player = player;
    await audio.resume();
  }

  /** @param {string} callSid */
  #connect(callSid) {
    const socket = new WebSocket(listenAddress(callSid));
    socket.binaryType = "arraybuffer";
    this.#socket = socket;
    socket.onopen = () => this.#become("on");
    socket.onmessage = ({ data }) => {
      if (data instanceof ArrayBuffer) this.#play(data);
      else if (JSON.parse(data).type === "cleared") this.#player?.port.postMessage("clear");
    };
    socket.onclose = ({ code }) => {
      if (this.#socket !== socket) return;
      this.#close(CLOSES[code] ?? "The call cannot be listened to.");
    };
  }

  /** @param {ArrayBuffer} message */
  #play(message) {
    const direction = new DataView(message).getUint8(0);
    const ulaw = message.slice(HEADER_BYTES);
    this.#player?.port.postMessage({ direction, ulaw }, [ulaw]);
  }

  /** @param {string} problem */
  #close(problem) {
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
    this.#player = null;
    void this.#audio?.close();
    this.#audio = null;
    this.problem = problem;
    this.#become("off");
  }

  /** @param {ListenState} state */
  #become(state) {
    this.state = state;
    this.#changed();
  }
}
