// The watched places as a quiet list: each with its mark, greyed with "last" when nobody sees it.
import { t, word } from "/static/text.js";
import { el, mark, say } from "/static/element.js";
import { active, inOrder } from "/static/order.js";
import { alive } from "/static/values.js";

const list = document.getElementById("places");

/** Draw the places again from what is known. */
export function showPlaces(live) {
  const places = new Map();
  for (const point of live.points.values()) {
    const name = point.place || t("wall.place.none");
    const had = places.get(name) ?? { points: 0, dead: 0, alerts: [] };
    had.points += 1;
    had.dead += alive(point) ? 0 : 1;
    places.set(name, had);
  }
  for (const alert of live.alerts.values()) if (active(alert)) places.get(alert.place)?.alerts.push(alert);
  const wanted = [...places.keys()].sort((a, b) => a.localeCompare(b, "zh-CN"));
  if (list.dataset.names !== wanted.join("|")) {
    list.dataset.names = wanted.join("|");
    list.replaceChildren(...wanted.map((name) => el("li", { "data-place": name }, mark("none"), el("span", { class: "name" }, name), el("span", { class: "state" }))));
  }
  for (const item of list.children) showPlace(item, places.get(item.dataset.place), live.chain.pageLost);
}

function showPlace(item, place, stale) {
  const worst = inOrder(place.alerts)[0];
  const severity = worst?.severity ?? (place.dead ? "fault" : "none");
  item.className = `${severity}${stale ? " stale" : ""}`;
  item.querySelector(".mark").className = `mark ${severity}`;
  const quiet = place.dead ? t("wall.deaf", { n: place.dead }) : t("wall.place.points", { n: place.points });
  say(item.querySelector(".state"), worst ? `${word("severity", severity)} · ${word("kind", worst.kind)}` : quiet);
}
