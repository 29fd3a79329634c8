// On every page: that a drill is under way, and, louder than all else, a real alarm in its midst.
import { get } from "/static/api.js";
import { el } from "/static/element.js";
import { clock } from "/static/moments.js";
import { arrive, keep } from "/static/sound.js";
import { t, word } from "/static/text.js";

const now = document.getElementById("drill-now");
const real = document.getElementById("drill-real");

export class DrillBanner {
  constructor() {
    this.known = new Set();
    this.waiting = null;
    this.again = 0;
    this.alarmed = false;
  }

  /** Take note of any news of the stream; `name` as the stream calls it. */
  news(name) {
    if (name === "second") {
      this.again += 1;
      if (this.alarmed && document.body.dataset.room !== "wall") keep(true);
      if (this.again % 60 !== 0) return;
    } else if (!["ready", "drill", "alert"].includes(name)) {
      return;
    }
    this.waiting ??= setTimeout(() => this.#look(), name === "alert" ? 100 : 300);
  }

  async #look() {
    this.waiting = null;
    const running = await get("/api/v1/drills/running").catch(() => null);
    if (running) this.show(running);
  }

  show(running) {
    now.hidden = running.length === 0;
    now.replaceChildren(...running.map((drill) => el("p", {},
      el("b", {}, t("drills.banner.running", { name: drill.name || t("nav.drill") })),
      " ",
      el("a", { href: `/drills/${drill.id}/board` }, t("drills.banner.open")),
    ))); // prettier-ignore
    const alarms = running.flatMap((drill) => drill.alarms);
    this.alarmed = alarms.length > 0;
    real.hidden = !this.alarmed;
    const fresh = alarms.filter((alarm) => !this.known.has(alarm.id));
    for (const alarm of fresh) this.known.add(alarm.id);
    if (!this.alarmed) {
      real.replaceChildren();
      return;
    }
    real.replaceChildren(
      el("p", { class: "head" }, t("drills.banner.real")),
      ...alarms.map((alarm) => el("p", { class: "blind" }, t("drills.banner.what", {
        kind: word("kind", alarm.kind), place: alarm.place || alarm.name, time: clock(alarm.began_at, true),
      }))),
    ); // prettier-ignore
    if (fresh.length) arrive("critical");
  }
}
