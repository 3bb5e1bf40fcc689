// Listens to a live call. See docs/listening.md for the protocol.
import { ApiError, handBack, listenAddress, takeOver } from "./api.js";
import { microphoneProblem } from "./phone.js";
import { linearToUlaw } from "./ulaw.js";

/** @typedef {"off" | "opening" | "on" | "speaking"} ListenState */

const RATE_HZ = 8_000;
const HEADER_BYTES = 8;
/** Of a node of an earlier release, which does not tell its PLAYOUT_LEAD_MS. */
const DEFAULT_LEAD_MS = 160;
/** Direction of a supervisor's voice. */
const SUPERVISOR = 2;

/** @type {Readonly<Record<number, string>>} */
const CLOSES = {
  1000: "The call has ended.",
  1008: "You have signed out, or may not listen any more.",
  1011: "The connection to the node that has the call is lost.",
  1013: "This connection is too slow to listen.",
};

/** @type {Readonly<Record<string, string>>} */
const REASONS = { no_audio: "Twilio sends no audio of this call. Try again." };

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
  /** Number of this connection among the listeners of the call. */
  #id = 0;
  /** @type {Microphone | null} */
  #microphone = null;

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

  /** The caller hears the microphone in place of the model. @param {string} callSid */
  async takeOver(callSid) {
    if (this.state !== "on") return;
    this.problem = "";
    const microphone = new Microphone((ulaw) => {
      if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(ulaw);
    });
    this.#microphone = microphone;
    try {
      await microphone.open();
      await takeOver(callSid, this.#id);
      this.#become("speaking");
    } catch (error) {
      this.#closeMicrophone();
      this.problem = error instanceof ApiError ? error.message : microphoneProblem(error);
      this.#changed();
    }
  }

  /** @param {string} callSid @param {string} note what the model is told of the conversation. */
  async handBack(callSid, note) {
    try {
      await handBack(callSid, note);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.problem = error.message;
    }
    this.#closeMicrophone();
    if (this.state === "speaking") this.#become("on");
  }

  #closeMicrophone() {
    this.#microphone?.close();
    this.#microphone = null;
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
      else this.#told(JSON.parse(data));
    };
    socket.onclose = ({ code, reason }) => {
      if (this.#socket !== socket) return;
      this.#close(REASONS[reason] ?? CLOSES[code] ?? "The call cannot be listened to.");
    };
  }

  /** @param {{ type: string, listener?: number, leadMs?: number }} message */
  #told({ type, listener, leadMs }) {
    if (type === "started") {
      this.#id = listener ?? 0;
      this.#player?.port.postMessage({ leadMs: leadMs ?? DEFAULT_LEAD_MS });
    }
    if (type === "cleared") this.#player?.port.postMessage("clear");
  }

  /** @param {ArrayBuffer} message */
  #play(message) {
    const direction = new DataView(message).getUint8(0);
    // One's own voice would come back late.
    if (direction === SUPERVISOR && this.state === "speaking") return;
    const ulaw = message.slice(HEADER_BYTES);
    this.#player?.port.postMessage({ direction, ulaw }, [ulaw]);
  }

  /** @param {string} problem */
  #close(problem) {
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
    this.#player = null;
    this.#closeMicrophone();
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

/** The microphone as mu-law at 8 kHz, 20 ms at a time, silence included. */
class Microphone {
  #send;
  /** @type {AudioContext | null} */
  #audio = null;
  /** @type {MediaStream | null} */
  #stream = null;

  /** @param {(ulaw: Uint8Array<ArrayBuffer>) => void} send */
  constructor(send) {
    this.#send = send;
  }

  async open() {
    if (navigator.mediaDevices === undefined) throw new DOMException("", "SecurityError");
    this.#stream = await navigator.mediaDevices.getUserMedia({
      audio: { echoCancellation: true, noiseSuppression: true, channelCount: 1 },
    });
    // At the device's own rate: not every browser resamples a microphone.
    const audio = new AudioContext({ latencyHint: "interactive" });
    this.#audio = audio;
    await audio.audioWorklet.addModule(new URL("phone-worklet.js", import.meta.url));
    const capture = new AudioWorkletNode(audio, "capture", {
      numberOfOutputs: 0,
      channelCount: 1,
      channelCountMode: "explicit",
    });
    audio.createMediaStreamSource(this.#stream).connect(capture);
    capture.port.onmessage = ({ data }) =>
      this.#send(Uint8Array.from(new Int16Array(data), linearToUlaw));
    await audio.resume();
  }

  close() {
    for (const track of this.#stream?.getTracks() ?? []) track.stop();
    void this.#audio?.close();
    this.#audio = null;
  }
}
