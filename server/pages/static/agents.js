// The agents: who is here, since when, what each of them cannot do now.
import { t } from "/static/text.js";
import { el, mark } from "/static/element.js";
import { Live } from "/static/live.js";
import { clock } from "/static/moments.js";

const tiles = document.getElementById("agents");
const none = document.getElementById("none");
const MARKS = { ok: "fine", late: "warning", warning: "warning", lost: "critical", stopped: "critical" };
const live = new Live({ ready: draw, agent: draw, second: tick });

function facts(agent) {
  const said = [];
  const add = (key, value, text = value) => value !== null && value !== undefined && value !== "" && said.push(t(key, { n: text, text, age: text }));
  const points = [...live.points.values()].filter((p) => p.site === agent.site && p.agent === agent.agent).length;
  add("agents.points", points);
  add("agents.version", agent.version);
  if (agent.depth) add("agents.depth", agent.depth);
  if (agent.dropped_readings) add("agents.dropped", agent.dropped_readings);
  if (typeof agent.disk_free_mb === "number") add("agents.disk", agent.disk_free_mb < 10000 ? `${Math.round(agent.disk_free_mb)} MB` : `${Math.round(agent.disk_free_mb / 1000)} GB`);
  if (agent.clock === "unsynced") said.push(t("agents.clock"));
  if (agent.simulated) said.push(t("simulated.tag"));
  for (const hole of agent.missing ?? []) add("agents.holes", hole.after ? `${hole.count}（${clock(hole.after, true)}–${clock(hole.before, true)}）` : hole.count);
  if (agent.certificate_ends) add("agents.certificate", new Date(agent.certificate_ends).toISOString().slice(0, 10));
  for (const worker of agent.workers ?? []) if (worker.state !== "running") add("agents.worker", `${worker.name} ${worker.reason || worker.state}`);
  return said;
}

function draw() {
  if (!live.ready) return;
  const agents = [...live.agents.values()].sort((a, b) => a.name.localeCompare(b.name, "zh-CN"));
  none.hidden = agents.length > 0;
  none.textContent = t("agents.none");
  tiles.replaceChildren(...agents.map(tile));
}

function tile(agent) {
  const stale = live.chain.pageLost;
  const lost = agent.link !== "ok" && agent.seen_at;
  const since = lost ? t("wall.place.last", { time: clock(agent.seen_at, true) }) : "";
  const presence = stale ? t("chain.unknown") : t(`agents.link.${agent.link}`);
  return el("article", { class: `tile ${stale ? "stale" : agent.link}` },
    el("h2", {}, agent.name),
    el("p", { class: "presence" }, mark(stale ? "none" : (MARKS[agent.link] ?? "none")), `${presence} ${since}`),
    el("ul", { class: "facts" }, ...facts(agent).map((fact) => el("li", {}, fact))),
  ); // prettier-ignore
}

let seconds = 0;
function tick() {
  seconds += 1;
  if (seconds % 10 === 0) draw();
}
