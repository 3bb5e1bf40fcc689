// A softphone: connects the browser's microphone and loudspeaker to a simulated phone on this machine. See
// docs/console.md for the protocol.

/**
 * @typedef {"off" | "opening" | "calling" | "talking" | "with_human" | "ended"} PhoneState
 * @typedef {{ type: "state", state: PhoneState, callSid: string | null } | { type: "clear" }
 *   | { type: "refused", problem: string }} PhoneMessage
 * @typedef {{ agent?: string, number?: string }} Callee
 * @typedef {{ changed(): void }} PhoneEvents
 */

export class Phone {
  /** @type {PhoneState} */
  state = "off";
  /** @type {string | null} */
  callSid = null;
  problem = "";
  muted = false;
  /** The call has no microphone: the caller types. */
  silent = false;
  /** Loudness of the last frame, 0 to 1. */
  levels = { mine: 0, theirs: 0 };
  /** Frames that were played and not silent. */
  heardFrames = 0;
  #events;
  /** @type {WebSocket | null} */
  #socket = null;
  /** @type {AudioContext | null} */
  #audio = null;
  /** @type {MediaStream | null} */
  #microphone = null;
  /** @type {AudioWorkletNode | null} */
  #player = null;

  /** @param {PhoneEvents} events */
  constructor(events) {
    this.#events = events;
  }

  /**
   * Asks for the microphone, unless the caller only types, then calls.
   *
   * @param {string} url
   * @param {{ callee?: Callee, silent?: boolean }} [options]
   */
  async call(url, { callee = {}, silent = false } = {}) {
    if (this.#socket !== null || this.state === "opening") return;
    this.problem = "";
    this.callSid = null;
    this.silent = silent;
    this.#become("opening");
    try {
      await this.#openAudio(silent);
      this.#connect(url, callee);
    } catch (error) {
      this.problem = microphoneProblem(error);
      this.#close("off");
    }
  }

  hangUp() {
    this.#send({ type: "hang_up" });
    this.#close("ended");
  }

  /** @param {string} digit */
  press(digit) {
    this.#send({ type: "key", digit });
  }

  mute() {
    this.muted = !this.muted;
    this.levels.mine = 0;
    this.#events.changed();
  }

  /** A turn of the caller in text. @param {string} text */
  say(text) {
    this.problem = "";
    this.#send({ type: "say", text });
  }

  /** @param {boolean} silent without a microphone; the agent is heard all the same. */
  async #openAudio(silent) {
    const audio = new AudioContext({ latencyHint: "interactive" });
    this.#audio = audio;
    await audio.audioWorklet.addModule(new URL("phone-worklet.js", import.meta.url));
    const player = new AudioWorkletNode(audio, "player", {
      numberOfInputs: 0,
      outputChannelCount: [1],
    });
    this.#player = player;
    player.connect(audio.destination);
    if (!silent) await this.#openMicrophone(audio);
    // Resolves late, or never, in a browser without a sound card.
    if (silent) void audio.resume();
    else await audio.resume();
  }

  /** @param {AudioContext} audio */
  async #openMicrophone(audio) {
    if (navigator.mediaDevices === undefined) throw new DOMException("", "SecurityError");
    const microphone = await navigator.mediaDevices.getUserMedia({
      audio: {
        echoCancellation: true,
        noiseSuppression: true,
        autoGainControl: true,
        channelCount: 1,
      },
    });
    this.#microphone = microphone;
    const capture = new AudioWorkletNode(audio, "capture", {
      numberOfOutputs: 0,
      channelCount: 1,
      channelCountMode: "explicit",
    });
    audio.createMediaStreamSource(microphone).connect(capture);
    capture.port.onmessage = ({ data }) => {
      if (this.muted || this.#socket?.readyState !== WebSocket.OPEN) return;
      this.levels.mine = loudness(new Int16Array(data));
      this.#socket.send(data);
      this.#events.changed();
    };
  }

  /** @param {string} url @param {Callee} callee */
  #connect(url, callee) {
    const socket = new WebSocket(url);
    socket.binaryType = "arraybuffer";
    this.#socket = socket;
    socket.onopen = () => this.#send({ type: "call", ...callee });
    socket.onmessage = ({ data }) => {
      if (data instanceof ArrayBuffer) this.#play(data);
      else this.#receive(JSON.parse(data));
    };
    socket.onclose = () => {
      if (this.#socket !== socket) return;
      if (this.state !== "ended")
        this.problem = "The softphone's server cannot be reached: is the command still running?";
      this.#close(this.state === "ended" ? "ended" : "off");
    };
  }

  /** @param {ArrayBuffer} data */
  #play(data) {
    this.levels.theirs = loudness(new Int16Array(data));
    if (this.levels.theirs > 0.02) this.heardFrames += 1;
    this.#player?.port.postMessage(data, [data]);
    this.#events.changed();
  }

  /** @param {PhoneMessage} message */
  #receive(message) {
    if (message.type === "clear") {
      this.#player?.port.postMessage("clear");
      return;
    }
    if (message.type === "refused") {
      this.problem = message.problem;
      this.#events.changed();
      return;
    }
    this.callSid = message.callSid ?? this.callSid;
    if (message.state === "ended") this.#close("ended");
    else this.#become(message.state);
  }

  /** @param {Record<string, string>} message */
  #send(message) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  /** @param {PhoneState} state */
  #close(state) {
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
    for (const track of this.#microphone?.getTracks() ?? []) track.stop();
    this.#microphone = null;
    this.#player = null;
    void this.#audio?.close();
    this.#audio = null;
    this.levels = { mine: 0, theirs: 0 };
    this.#become(state);
  }

  /** @param {PhoneState} state */
  #become(state) {
    this.state = state;
    this.#events.changed();
  }
}

/** @param {Int16Array} samples @returns {number} 0 to 1 on a logarithmic scale: −60 dB is 0. */
export function loudness(samples) {
  let sum = 0;
  for (const sample of samples) sum += (sample / 32_768) ** 2;
  const db = 10 * Math.log10(sum / Math.max(1, samples.length) + 1e-9);
  return Math.max(0, Math.min(1, 1 + db / 60));
}

/** @param {unknown} error */
export function microphoneProblem(error) {
  const name = error instanceof DOMException ? error.name : "";
  switch (name) {
    case "NotAllowedError":
      return "The browser blocks the microphone for this page. Allow it beside the address, then call again.";
    case "NotFoundError":
      return "This machine has no microphone.";
    case "NotReadableError":
      return "Another program uses the microphone.";
    case "SecurityError":
      return "Browsers allow the microphone only for pages of this machine (127.0.0.1) or over https.";
    default:
      return `The microphone could not be opened: ${error instanceof Error ? error.message : String(error)}`;
  }
}
