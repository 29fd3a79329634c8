// One live picture of the campus for whichever page is open: alerts, points and agents, merged by ledger number.
import { post, rows } from "/static/api.js";
import { Chain } from "/static/chain.js";
import { DrillBanner } from "/static/drills/banner.js";
import { RealAlarm } from "/static/real-alarm.js";
import { connect } from "/static/shared-stream.js";

const key = (row) => `${row.site}/${row.agent}/${row.point}`;

/** Holds what is known and tells its listeners: `alert`, `points`, `agent`, `hazard`, `second`, `ready`. */
export class Live {
  constructor(listeners = {}) {
    this.listeners = listeners;
    this.alerts = new Map();
    this.gone = new Map(); // closed alerts and the number they closed with: an older copy must not bring them back
    this.points = new Map();
    this.agents = new Map();
    this.ready = false;
    this.missed = false;
    this.asking = false;
    this.meanwhile = []; // agents' changes heard since the last answers were asked for
    this.redialled = 0;
    this.chain = new Chain(this.agents, this.points);
    this.alarm = new RealAlarm(this.alerts);
    this.drill = new DrillBanner(this.alarm);
    this.stream = connect("/api/v1/stream", (...news) => this.#event(...news), (why) => this.#cut(why));
    new Worker("/static/clock-worker.js").addEventListener("message", () => this.#second());
    document.getElementById("leave")?.addEventListener("click", leave);
    document.addEventListener("keydown", keys);
  }

  /** Take one alert in; older news than we have is ignored. True when it changed something. */
  take(alert, n = alert.n) {
    const had = this.alerts.get(alert.id);
    if ((had?.n ?? this.gone.get(alert.id) ?? -1) >= n) return false;
    if (alert.state === "cleared-acked") {
      this.alerts.delete(alert.id);
      this.gone.set(alert.id, n);
      if (this.gone.size > 1000) this.gone.delete(this.gone.keys().next().value);
    } else {
      this.alerts.set(alert.id, { ...alert, n });
    }
    this.#tell("alert", alert, had);
    return true;
  }

  #tell(name, ...news) {
    if (name === "alert" || name === "ready") this.alarm.show();
    if (name === "second") this.alarm.second();
    this.drill.news(name);
    this.listeners[name]?.(...news);
  }

  #event(name, data, n, ageMs = 0) {
    if (name === "tick") {
      this.chain.tick(data, ageMs);
      if (!this.ready || this.missed) this.#snapshot();
    } else if (name === "alert") {
      this.take(data, n ?? data.n);
    } else if (name === "reset") {
      location.reload(); // away for so long that the server cannot tell what happened one by one
    } else if (name === "agent") {
      if (this.asking) this.meanwhile.push(data);
      this.#agent(data);
      this.#tell("agent", data);
    } else if (name === "points") {
      for (const row of data.points) this.#point(row);
      this.#tell("points");
    } else {
      this.#tell(name, data);
    }
  }

  #agent(agent) {
    const id = `${agent.site}/${agent.agent}`;
    this.agents.set(id, { ...this.agents.get(id), ...agent });
    this.#simulated();
    for (const point of this.points.values()) if (point.site === agent.site && point.agent === agent.agent) point.link = agent.link;
  }

  #point(row) {
    if (row.kind === "agent" || (!row.kind && !this.points.has(key(row)))) return; // an agent's own parts are on its page
    const id = key(row);
    const learnt = "age_s" in row ? performance.now() : this.points.get(id)?.learnt;
    this.points.set(id, { ...this.points.get(id), ...row, learnt, skew: this.chain.skew });
  }

  /** Read everything once the stream runs, so that nothing falls between the two; newest ledger number wins. */
  async #snapshot() {
    if (this.asking) return;
    this.asking = true;
    try {
      const [alerts, points, agents] = await Promise.all([rows("/api/v1/alerts?limit=1000"), rows("/api/v1/points"), rows("/api/v1/agents")]);
      for (const row of agents) this.agents.set(`${row.site}/${row.agent}`, row);
      for (const row of points) this.#point(row);
      for (const agent of this.meanwhile) this.#agent(agent); // may be newer than the answers
      for (const alert of alerts) this.take(alert);
      this.ready = true;
      this.missed = false;
      this.#simulated();
      this.#tell("ready");
    } catch {
      // the next tick asks again
    } finally {
      this.asking = false;
      this.meanwhile = [];
    }
  }

  #simulated() {
    if ([...this.agents.values()].some((agent) => agent.simulated)) document.getElementById("simulated").hidden = false;
  }

  #cut(why) {
    this.missed = true; // the stream replays what is in the feed; values and ages are asked for again
    if (why === "session") location.assign(`/login?next=${encodeURIComponent(location.pathname + location.search)}`);
  }

  #second() {
    if (this.chain.ticked !== null && this.chain.silentMs > 6000) {
      // A frozen server leaves the line open: dial again, about every 3 s.
      if (performance.now() - this.redialled > 3000) {
        this.redialled = performance.now();
        this.stream.redial();
      }
    }
    this.chain.second();
    this.#tell("second");
  }
}

async function leave() {
  try {
    await post("/api/v1/logout");
  } finally {
    location.assign("/login");
  }
}

function keys(event) {
  if (event.target.matches("input, textarea, select") || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "/") {
    event.preventDefault();
    document.getElementById("search").focus();
  }
}
