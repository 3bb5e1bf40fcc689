// Reads one call's record again whenever an event of the call arrives.
import { ApiError, readCall } from "./api.js";
import { Component } from "./html.js";

/**
 * @typedef {import("./api.js").CallRecord} CallRecord
 * @typedef {{ store: import("./store.js").Store, callSid: string,
 *   show: (record: CallRecord | null, problem: string) => import("./html.js").View }} WatchedProps
 */

/** The record is read at most this often. */
const READ_EVERY_MS = 400;
/** A new call may not have a record yet: it is asked for this many times. */
const MAX_MISSES = 5;

/** @extends {Component<WatchedProps, { record: CallRecord | null, problem: string }>} */
export class WatchedCall extends Component {
  /** @override */
  state = { record: /** @type {CallRecord | null} */ (null), problem: "" };
  /** @type {"idle" | "reading" | "stale" | "gone"} */
  #reading = "idle";
  #misses = 0;
  /** @type {() => void} */
  #unsubscribe = () => {};

  /** @override */
  componentDidMount() {
    const { store, callSid } = this.props;
    this.#unsubscribe = store.listen((event) => {
      if (event === null || event.callSid === callSid) void this.#read();
    });
    void this.#read();
  }

  /** @override */
  componentWillUnmount() {
    this.#reading = "gone";
    this.#unsubscribe();
  }

  async #read() {
    if (this.#reading !== "idle") {
      if (this.#reading === "reading") this.#reading = "stale";
      return;
    }
    this.#reading = "reading";
    let again = false;
    try {
      const record = await readCall(this.props.callSid);
      if (this.#isGone) return;
      this.#misses = 0;
      this.setState({ record, problem: "" });
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (this.#isGone) return;
      again = error.status === 404 && this.#misses++ < MAX_MISSES;
      if (!again) this.setState({ problem: error.message });
    }
    setTimeout(() => {
      if (this.#isGone) return;
      again ||= this.#reading === "stale";
      this.#reading = "idle";
      if (again) void this.#read();
    }, READ_EVERY_MS);
  }

  get #isGone() {
    return this.#reading === "gone";
  }

  /** @override */
  render() {
    return this.props.show(this.state.record, this.state.problem);
  }
}
