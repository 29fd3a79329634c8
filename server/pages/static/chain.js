// The chain strip and the red banner: what is live, what is not, since when, and what nobody sees now.
import { t } from "/static/text.js";
import { say } from "/static/element.js";
import { age, clock } from "/static/moments.js";
import { play } from "/static/sound.js";

const SILENT_MS = 4200; // two ticks of 2 s missed: the page is not live
const COUNTED = new Set(["faults", "missing", "disk", "orphaned", "broker-refuses"]); // what is wrong with them is no age
const strip = document.getElementById("strip");
const banner = document.getElementById("broken");

/** Keeps the state of every link; call `second()` about twice a second, in hidden tabs too. */
export class Chain {
  constructor(agents, points) {
    this.agents = agents;
    this.points = points;
    this.ticked = null; // performance.now() of the last tick
    this.opened = performance.now();
    this.seen = null; // wall clock of the last tick
    this.links = {};
    this.since = null;
    this.sincePage = false;
    this.alarmed = 0;
    this.skew = 0;
  }

  /** Take a tick that this browser heard `ageMs` ago: a page that has just opened is told the last one. */
  tick(data, ageMs = 0) {
    this.ticked = performance.now() - ageMs;
    this.seen = new Date(Date.now() - ageMs);
    this.skew = new Date(data.server_time).getTime() - this.seen.getTime();
    this.links = data.chain ?? {};
  }

  get silentMs() {
    return performance.now() - (this.ticked ?? this.opened);
  }

  get pageLost() {
    return this.silentMs > SILENT_MS;
  }

  /** Agents whose places nobody sees. */
  get lostAgents() {
    return [...this.agents.values()].filter((agent) => agent.link === "lost" || agent.link === "stopped");
  }

  /** The links that make the page unreliable; a single sensor is a fault card, not a broken chain. */
  get brokenLinks() {
    return ["agents", "broker", "ledger"].filter((name) => this.links[name]?.state === "lost");
  }

  get broken() {
    return this.pageLost || this.brokenLinks.length > 0 || this.lostAgents.length > 0;
  }

  second() {
    this.#strip();
    this.#banner();
    document.body.classList.toggle("stale", this.pageLost);
    document.body.classList.toggle("broken-chain", this.broken);
  }

  #strip() {
    const extra = this.ticked === null ? 0 : this.silentMs / 1000;
    for (const item of strip.querySelectorAll("[data-link]")) {
      const name = item.dataset.link;
      const link = name === "page" ? this.#page() : this.links[name];
      const seconds = link?.age_s === null || link?.age_s === undefined ? null : link.age_s + (name === "page" ? 0 : extra);
      const blank = seconds === null && link?.state === "ok"; // nothing was heard yet: that is not "checked and fine"
      const state = blank || (this.pageLost && name !== "page") ? "unknown" : (link?.state ?? "unknown");
      item.dataset.state = state;
      const why = link?.word ? t(`link.${link.word}`, { names: (link.names ?? []).join(t("list.comma")), n: link.n }) : "";
      item.title = why;
      const text = seconds === null ? t("chain.unknown") : age(seconds);
      const words = { ok: text, late: t("chain.late", { age: text }), lost: t("chain.lost", { age: text }) };
      if (why && (seconds === null || COUNTED.has(link.word))) words.late = words.lost = why;
      say(item.querySelector(".age"), words[state] ?? (this.seen && !blank ? t("wall.place.last", { time: clock(this.seen) }) : t(blank ? "chain.unknown" : "chain.waiting")));
    }
  }

  #page() {
    return { state: this.pageLost ? "lost" : "ok", age_s: this.silentMs / 1000 };
  }

  #banner() {
    if (!this.broken) {
      if (!banner.hidden) banner.hidden = true;
      this.since = null;
      return;
    }
    if (this.since === null || this.sincePage !== this.pageLost) this.since = this.#began();
    this.sincePage = this.pageLost;
    const agentsOnly = !this.pageLost && this.lostAgents.length > 0 && this.brokenLinks.every((name) => name === "agents");
    const names = this.lostAgents.map((agent) => agent.name);
    const time = clock(this.since, true);
    say(banner.querySelector(".head"), agentsOnly ? t("broken.agent", { names: this.#few(names), time }) : t("broken.head", { time }));
    const blind = this.#blind();
    say(banner.querySelector(".blind"), blind.length ? t("broken.blind", { names: this.#few(blind) }) : "");
    if (banner.hidden) banner.hidden = false;
    if (performance.now() - this.alarmed > 20_000 || this.alarmed === 0) {
      this.alarmed = performance.now();
      play("warning");
    }
  }

  #began() {
    if (this.pageLost) return this.seen ?? new Date();
    const since = this.lostAgents.map((agent) => agent.seen_at).filter(Boolean).sort();
    return since.length ? new Date(since[0]) : new Date();
  }

  /** Places nobody sees now: all of them when the page is cut, else those of the lost agents. */
  #blind() {
    const lost = new Set(this.lostAgents.map((agent) => `${agent.site}/${agent.agent}`));
    const all = this.pageLost || this.brokenLinks.some((name) => name !== "agents");
    const blind = [...this.points.values()].filter((point) => all || lost.has(`${point.site}/${point.agent}`));
    return [...new Set(blind.map((point) => point.place || point.name))];
  }

  #few(names) {
    const shown = names.slice(0, 8).join(t("list.comma"));
    return names.length > 8 ? `${shown} ${t("broken.more", { n: names.length })}` : shown;
  }
}
