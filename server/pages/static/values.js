// Values of points in words: a number with its unit, open or closed, unknown with its reason.
import { t } from "/static/text.js";
import { age } from "/static/moments.js";

const DOORS = new Set(["door", "fire-door", "life-ring-box", "contact"]);

/** Seconds since the point's last value: as it was heard here, else by its agent's word; null when there never was one. */
export function ageOf(point) {
  if (!point.at) return typeof point.age_s === "number" ? point.age_s + (performance.now() - point.learnt) / 1000 : null;
  return Math.max(0, (Date.now() + point.skew - new Date(point.at).getTime()) / 1000);
}

const LIMIT_S = 20; // where a point has no time of its own; a battery's sensor reports once an hour

export function alive(point) {
  if (point.link === "lost" || point.link === "stopped" || point.alerts?.includes("fault")) return false;
  const seconds = ageOf(point);
  return seconds !== null && seconds < Math.max(LIMIT_S, point.silence_s ?? 0);
}

/** As many places as a person can use: 0.207, 1.42, 21.6, 140. */
export function round(value) {
  const size = Math.abs(value);
  return value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3);
}

export function valueText(point) {
  const { value, unit, kind } = point;
  if (value === null || value === undefined) return t("value.none");
  if (typeof value === "boolean") {
    if (DOORS.has(kind)) return t(value ? "value.open" : "value.closed");
    return t(value ? "value.on" : "value.off");
  }
  if (typeof value === "number") return `${round(value)} ${unit ?? ""}`.trim();
  return String(value);
}

export function stateText(point) {
  const seconds = ageOf(point);
  if (seconds === null) return t("points.never");
  return alive(point) ? t("points.alive") : t("points.silent", { age: age(seconds) });
}
