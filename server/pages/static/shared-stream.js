// A page's side of the live stream: through the worker all pages of this browser share, else by a line of its own.
import { Stream } from "/static/stream.js";

const PATIENCE_MS = 5000;
const session = document.querySelector('meta[name="csrf"]')?.content ?? "";

/** Call `on(name, data, n, ageMs)` for every event and `cut(reason)` whenever the line breaks. */
export const connect = (path, on, cut) => ("SharedWorker" in window ? new SharedStream(path, on, cut) : new Stream(path, on, cut));

class SharedStream {
  constructor(path, on, cut) {
    this.path = path;
    this.on = on;
    this.cut = cut;
    this.last = null;
    this.alone = null; // the line of our own, once the worker has failed
    this.#join();
    addEventListener("pagehide", () => this.#leave());
    addEventListener("pageshow", ({ persisted }) => persisted && !this.alone && this.#join());
  }

  /** The line is silent: have it dialled again. A worker that does not answer is given up. */
  redial() {
    if (this.alone) this.alone.redial();
    else if (this.asked) this.#goAlone();
    else this.#ask("redial");
  }

  #join() {
    // Named after the session: who logs in as somebody else hears only what that person may.
    const worker = new SharedWorker("/static/stream-worker.js", { type: "module", name: session });
    worker.addEventListener("error", () => this.#goAlone());
    this.port = worker.port;
    this.port.onmessage = ({ data }) => this.#told(data);
    this.#ask("join");
    this.patience = setTimeout(() => this.#goAlone(), PATIENCE_MS);
  }

  #ask(what) {
    this.asked = true;
    this.port.postMessage({ what, path: this.path, last: this.last });
  }

  #told({ news, cut }) {
    this.asked = false;
    clearTimeout(this.patience);
    if (cut) return this.cut(cut);
    const n = news[2];
    if (n !== null) this.last = n;
    this.on(...news);
  }

  #leave() {
    clearTimeout(this.patience);
    this.port.postMessage({ what: "leave" });
    this.port.onmessage = null;
  }

  #goAlone() {
    if (this.alone) return;
    this.#leave();
    this.alone = new Stream(this.path, this.on, this.cut, this.last);
  }
}
