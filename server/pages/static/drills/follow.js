// One drill followed live: read anew when the stream says that something changed, at most twice a second.
import { drawing, get } from "/static/api.js";
import { Live } from "/static/live.js";
import { ServerClock } from "/static/drills/clock.js";

export class Followed {
  constructor(id, show, listeners = {}) {
    this.id = id;
    this.view = null;
    this.clock = new ServerClock();
    this.show = show;
    this.busy = false;
    this.again = false;
    this.seconds = 0;
    this.live = new Live({
      ...listeners,
      ready: () => this.read(),
      drill: (news) => news.id === id && this.read(),
      second: () => this.#second(),
    });
    this.read();
  }

  async read() {
    if (this.busy) {
      this.again = true;
      return;
    }
    this.busy = true;
    try {
      const asked = Date.now();
      this.take(await get(`/api/v1/drills/${this.id}`), asked);
    } catch {
      this.again = true; // the next second asks again; the chain strip says that the line is cut
    }
    setTimeout(() => {
      this.busy = false;
      if (this.again) {
        this.again = false;
        this.read();
      }
    }, 500);
  }

  take(view, asked) {
    this.clock.learn(view.server_s * 1000, asked);
    this.view = view;
    this.show(view);
  }

  /** Seconds since the evacuation signal, by the server's clock; null before it. */
  elapsed() {
    const t0 = this.view?.result.t0_s;
    return t0 === null || t0 === undefined ? null : this.clock.now() / 1000 - t0;
  }

  #second() {
    this.seconds += 1;
    const running = ["alarm", "shelter", "evacuating"].includes(this.view?.result.phase);
    if (this.seconds % (running ? 10 : 60) === 0 || !this.view) this.read();
  }
}

/** Put the server's drawing into a box. */
export async function drawCurve(box, id, language, sheet = "page") {
  const picture = await drawing(`/api/v1/drills/${id}/curve.svg?lang=${language}&sheet=${sheet}`);
  if (picture) box.replaceChildren(picture);
}
