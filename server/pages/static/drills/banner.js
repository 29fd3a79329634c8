// On every page: that a drill is under way, and what is really wrong in its midst.
import { get } from "/static/api.js";
import { el } from "/static/element.js";
import { t } from "/static/text.js";

const now = document.getElementById("drill-now");

export class DrillBanner {
  constructor(alarm) {
    this.alarm = alarm;
    this.running = [];
    this.waiting = null;
    this.seconds = 0;
  }

  /** Take note of any news of the stream; `name` as the stream calls it. */
  news(name) {
    if (name === "second") this.seconds += 1;
    const due = name === "ready" || name === "drill" || (name === "alert" && this.running.length > 0) || (name === "second" && this.seconds % 60 === 0);
    if (due) this.waiting ??= setTimeout(() => this.#look(), name === "alert" ? 100 : 300);
  }

  async #look() {
    this.waiting = null;
    const running = await get("/api/v1/drills/running").catch(() => null);
    if (!running) return;
    this.running = running;
    now.hidden = running.length === 0;
    now.replaceChildren(...running.map((drill) => el("p", {},
      el("b", {}, t("drills.banner.running", { name: drill.name || t("nav.drill") })),
      " ",
      el("a", { href: `/drills/${drill.id}/board` }, t("drills.banner.open")),
    ))); // prettier-ignore
    this.alarm.drills = running;
    this.alarm.show();
  }
}
