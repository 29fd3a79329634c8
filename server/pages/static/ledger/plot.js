// Readings a minute either side of an alert, as a small plot with the moment drawn in.
import { t } from "/static/text.js";
import { el } from "/static/element.js";
import { clock } from "/static/moments.js";

const SVG = "http://www.w3.org/2000/svg";
const WIDE = 600;
const HIGH = 120;

function svg(tag, properties) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(properties)) made.setAttribute(name, value);
  return made;
}

/** Make the figure of one piece of evidence: `readings` are pairs of instant and value. */
export function plot(evidence) {
  const began = new Date(evidence.began_at).getTime();
  const numbers = evidence.readings.filter(([, value]) => typeof value === "number").map(([at, value]) => [new Date(at).getTime() - began, value]);
  const values = numbers.map(([, value]) => value);
  const low = Math.min(...values);
  const high = Math.max(...values);
  const x = (ms) => ((ms + 60_000) / 120_000) * WIDE;
  const y = (value) => (high === low ? HIGH / 2 : HIGH - 8 - ((value - low) / (high - low)) * (HIGH - 16));
  const caption = t("ledger.readings", { point: evidence.point, n: evidence.readings.length, low, high, unit: evidence.unit, time: clock(evidence.began_at, true) });
  const picture = svg("svg", { viewBox: `0 0 ${WIDE} ${HIGH}`, role: "img", class: "readings", preserveAspectRatio: "none" });
  picture.setAttribute("aria-label", caption);
  picture.append(svg("line", { x1: x(0), x2: x(0), y1: 0, y2: HIGH, class: "moment" }));
  if (numbers.length > 1) picture.append(svg("polyline", { points: numbers.map(([ms, value]) => `${x(ms).toFixed(1)},${y(value).toFixed(1)}`).join(" "), class: "trace" }));
  for (const [ms, value] of numbers) picture.append(svg("circle", { cx: x(ms), cy: y(value), r: 2.5, class: "dot" }));
  return el("figure", {}, picture, el("figcaption", { class: "small" }, caption));
}
