// What ails the system itself, in one sentence each: silent agents, wrong clocks, full disks, waiting or missing records.
import { known, t } from "/static/text.js";
import { active } from "/static/order.js";
import { age, clock } from "/static/moments.js";

const OFFSET_S = 2;
const DISK_MB = 500;
const ENDING_DAYS = 14;
const DAY_MS = 86_400_000;
const WAITING_S = 30;

/** Sentences, worst first; nothing when all is well. `pushes` are the targets that are told beside the wall. */
export function ailments(live, pushes = []) {
  const agents = [...live.agents.values()];
  return [...agents.flatMap(lost), ...blind(live), ...agents.flatMap(missing), ...agents.flatMap(waiting), ...agents.flatMap(clocks), ...agents.flatMap(disk), ...agents.flatMap(certificate), ...own(live), ...links(live), ...pushes.flatMap(push)];
}

const lost = (agent) => {
  const time = agent.seen_at ? clock(agent.seen_at) : t("chain.unknown");
  return ["lost", "stopped", "warning"].includes(agent.link) ? [t(`health.${agent.link}`, { name: agent.name, time })] : [];
};

/** Detectors that cannot see: blind or covered cameras, stuck or silent sensors; and workers that do not run. */
function blind(live) {
  const faults = [...live.alerts.values()].filter((alert) => alert.kind === "fault" && active(alert) && !alert.point.startsWith("_"));
  const names = faults.map((alert) => alert.name || alert.point);
  const shown = names.slice(0, 3).join(t("list.comma")) + (names.length > 3 ? ` ${t("broken.more", { n: names.length })}` : "");
  const workers = [...live.agents.values()].flatMap((agent) => (agent.workers ?? []).filter((worker) => worker.state === "failed").map((worker) => t("health.worker", { name: agent.name, worker: worker.name })));
  return [...(names.length ? [t("health.blind", { n: names.length, names: shown })] : []), ...workers];
}

function missing(agent) {
  const holes = agent.missing ?? [];
  const n = holes.reduce((sum, hole) => sum + (hole.count ?? 0), 0);
  if (!n) return [];
  const [after, before] = [holes[0].after, holes.at(-1).before];
  const key = after && before ? "health.missing.between" : after ? "health.missing.since" : "health.missing";
  return [t(key, { name: agent.name, n, after: after && clock(after), before: before && clock(before) })];
}

const waiting = (agent) => (agent.depth > 0 && agent.oldest_unacked_s > WAITING_S ? [t("health.waiting", { name: agent.name, n: agent.depth, age: age(agent.oldest_unacked_s) })] : []);

function clocks(agent) {
  if (Math.abs(agent.clock_offset_s ?? 0) > OFFSET_S) return [t("health.clock", { name: agent.name, age: age(Math.abs(agent.clock_offset_s)) })];
  return agent.clock === "unsynced" ? [t("health.unsynced", { name: agent.name })] : [];
}

const disk = (agent) => (typeof agent.disk_free_mb === "number" && agent.disk_free_mb < DISK_MB ? [t("health.disk", { name: agent.name, n: Math.round(agent.disk_free_mb) })] : []);

function push({ name, failing_since: since, reason, dropped }) {
  if (since) return [t("health.push", { name, time: clock(since), text: reason })];
  return dropped ? [t("health.push.dropped", { name, n: dropped })] : [];
}

function certificate(agent) {
  if (!agent.certificate_ends) return [];
  const days = Math.floor((new Date(agent.certificate_ends).getTime() - Date.now()) / DAY_MS);
  if (days >= ENDING_DAYS) return [];
  return [days < 0 ? t("health.certificate.over", { name: agent.name }) : t("health.certificate", { name: agent.name, n: days })];
}

/** The server's own faults: its certificate, its disk, nobody at a page. */
function own(live) {
  const faults = [...live.alerts.values()].filter((alert) => alert.agent === "server" && alert.kind === "fault" && active(alert) && !alert.point.startsWith("_push"));
  const name = (alert) => t(`own.${alert.point.slice(1)}`);
  return [...new Set(faults.filter((alert) => known(`own.${alert.point.slice(1)}`)).map((alert) => `${name(alert)}：${t(`reason.${alert.reason}`)}`))];
}

const links = (live) =>
  ["broker", "ledger"]
    .map((name) => live.chain.links[name])
    .filter((link) => link && link.state !== "ok" && link.word)
    .map((link) => t(`link.${link.word}`, { names: (link.names ?? []).join(t("list.comma")), n: link.n }));
