// On every page: that a drill is under way, and what is really wrong in its midst.
import { get } from "/static/api.js";
import { el } from "/static/element.js";
import { t } from "/static/text.js";

const now = document.getElementById("drill-now");

export class DrillBanner {
  constructor(alarm) {
    this.alarm = alarm;
    this.running = [];
    this.waiting = null; // the next look
    this.looking = false;
    this.again = false; // something happened while we looked: the answer may not know of it
    this.seconds = 0;
  }

  /** Take note of any news of the stream; `name` as the stream calls it. */
  news(name) {
    if (name === "second") this.seconds += 1;
    const drilling = this.running.length > 0 || this.looking;
    const due = name === "ready" || name === "drill" || (name === "alert" && drilling) || (name === "second" && this.seconds % 60 === 0);
    if (due) this.#soon(name === "alert" ? 100 : 300);
  }

  #soon(ms) {
    if (this.looking) this.again = true;
    else this.waiting ??= setTimeout(() => this.#look(), ms);
  }

  /** One look at a time, so that no older answer comes after a newer one. */
  async #look() {
    this.waiting = null;
    this.looking = true;
    this.again = false;
    const known = new Set(this.alarm.alerts.keys());
    const running = await get("/api/v1/drills/running").catch(() => null);
    this.looking = false;
    if (running) this.#show(running);
    this.alarm.judged(running, known);
    if (!running || this.again) this.#soon(running ? 100 : 1000);
  }

  #show(running) {
    this.running = running;
    now.hidden = running.length === 0;
    now.replaceChildren(...running.map((drill) => el("p", {},
      el("b", {}, t("drills.banner.running", { name: drill.name || t("nav.drill") })),
      " ",
      el("a", { href: `/drills/${drill.id}/board` }, t("drills.banner.open")),
    ))); // prettier-ignore
  }
}
