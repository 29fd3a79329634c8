// The live stream: reads Server-Sent Events, remembers the last ledger number, comes back by itself.
// `fetch` instead of EventSource: that gives up for good on an error answer, and cannot be cut when it hangs.

const RETRY_MS = 700;

/** Call `on(name, data, n)` for every event after number `last` and `cut(reason)` whenever the line breaks, until `end()`. */
export class Stream {
  constructor(path, on, cut, last = null) {
    this.path = path;
    this.on = on;
    this.cut = cut;
    this.last = last;
    this.from = null;
    this.ended = false;
    this.line = null;
    this.#run();
  }

  /** Hang up and dial again: the line is silent though it looks open, or somebody needs what came after `from`. */
  redial(from = null) {
    if (from !== null) this.from = Math.min(from, this.from ?? from);
    this.line?.abort();
  }

  /** Hang up for good. */
  end() {
    this.ended = true;
    this.line?.abort();
  }

  async #run() {
    while (!this.ended) {
      if (this.from !== null) this.last = this.from;
      this.from = null;
      this.line = new AbortController();
      const patience = setTimeout(() => this.line.abort(), 5000);
      try {
        const headers = { Accept: "text/event-stream" };
        if (this.last !== null) headers["Last-Event-ID"] = this.last;
        const answer = await fetch(this.path, { headers, signal: this.line.signal, cache: "no-store" });
        clearTimeout(patience);
        if (answer.status === 401 || answer.status === 403) this.cut("session");
        else if (!answer.ok) this.cut(`HTTP ${answer.status}`);
        else await this.#read(answer.body.pipeThrough(new TextDecoderStream()).getReader());
      } catch {
        // aborted or unreachable: the same cure
      }
      clearTimeout(patience);
      if (this.ended) return;
      this.cut("line");
      await new Promise((done) => setTimeout(done, RETRY_MS));
    }
  }

  async #read(reader) {
    let rest = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      const parts = (rest + value).replaceAll("\r\n", "\n").split("\n\n");
      rest = parts.pop();
      for (const part of parts) this.#take(part);
    }
  }

  #take(part) {
    let name = "message";
    let id = null;
    const data = [];
    for (const line of part.split("\n")) {
      const colon = line.indexOf(":");
      if (colon <= 0) continue;
      const value = line.slice(colon + 1).replace(/^ /, "");
      const field = line.slice(0, colon);
      if (field === "event") name = value;
      else if (field === "id") id = value;
      else if (field === "data") data.push(value);
    }
    if (id !== null) this.last = Number(id);
    if (data.length) this.on(name, JSON.parse(data.join("\n")), id === null ? null : Number(id));
  }
}
