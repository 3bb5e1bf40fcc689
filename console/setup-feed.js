// What can be called, as the command that runs the softphone tells it: under `murelay dev` agents and numbers, and the
// faults of the agents file.

/**
 * @typedef {{ line: number | null, path: string, problem: string }} Fault
 * @typedef {{ model: string, file: string, version: number, agents: string[], numbers: string[], faults: Fault[], reading: boolean, notices: string[] }} Setup
 */

export class SetupFeed {
  /** @type {Setup | null} null: there is no choice, or it is not known yet. */
  setup = null;
  #socket;

  /** @param {string} url of the softphone. @param {() => void} changed */
  constructor(url, changed) {
    const socket = new WebSocket(url);
    this.#socket = socket;
    socket.onopen = () => socket.send('{"type":"watch"}');
    socket.onmessage = ({ data }) => {
      const message = JSON.parse(data);
      if (message.type !== "setup") return;
      this.setup = message.setup;
      changed();
    };
    // The command has ended. The page's own banner says so.
    socket.onclose = () => {
      this.setup = null;
      changed();
    };
  }

  close() {
    this.#socket.onclose = null;
    this.#socket.close();
  }
}
