// The list of points: alive or not, value and age, found by name or place.
import { t, word } from "/static/text.js";
import { el, mark, say } from "/static/element.js";
import { Live } from "/static/live.js";
import { age, clock } from "/static/moments.js";
import { ageOf, alive, stateText, valueText } from "/static/values.js";

const table = document.getElementById("points");
const body = table.tBodies[0];
const none = document.getElementById("none");
const search = document.getElementById("search");
search.value = table.dataset.query;
const live = new Live({ ready: draw, points: draw, agent: draw, second: tick });

function wanted() {
  const query = search.value.trim().toLowerCase();
  const found = [...live.points.values()].filter((p) => `${p.name} ${p.place} ${word("sensor", p.kind)} ${p.point}`.toLowerCase().includes(query));
  return found.sort((a, b) => (a.place ?? "").localeCompare(b.place ?? "", "zh-CN") || a.name.localeCompare(b.name, "zh-CN"));
}

function draw() {
  if (!live.ready) return;
  const points = wanted();
  const had = new Map([...body.rows].map((row) => [row.dataset.point, row]));
  points.forEach((point, place) => {
    const id = `${point.site}/${point.agent}/${point.point}`;
    const row = had.get(id) ?? el("tr", { "data-point": id }, ...["place", "name", "kind", "number value", "age", "state"].map((name) => el("td", { class: name })));
    had.delete(id);
    show(row, point);
    if (body.rows[place] !== row) body.insertBefore(row, body.rows[place] ?? null);
  });
  for (const gone of had.values()) gone.remove();
  say(document.getElementById("counted"), t("points.counted", { alive: points.filter(alive).length, n: points.length }));
  none.hidden = points.length > 0;
  say(none, live.points.size ? t("points.nomatch", { q: search.value }) : t("points.none"));
}

function show(row, point) {
  const well = alive(point) && !live.chain.pageLost;
  row.className = well ? "" : "grey";
  const cell = (name) => row.querySelector(`.${name}`);
  say(cell("place"), point.place || "—");
  if (!cell("name").firstElementChild) cell("name").append(el("a", { href: `/points/${point.site}/${point.agent}/${point.point}` }));
  say(cell("name").firstElementChild, point.name);
  say(cell("kind"), word("sensor", point.kind));
  const seconds = ageOf(point);
  const last = live.chain.pageLost && live.chain.seen ? `（${t("wall.place.last", { time: clock(live.chain.seen) })}）` : "";
  say(cell("value"), valueText(point) + last);
  say(cell("age"), seconds === null ? "—" : age(seconds));
  const state = cell("state");
  const text = live.chain.pageLost ? t("chain.unknown") : stateText(point);
  if (state.textContent !== text) state.replaceChildren(well ? "" : mark("fault"), text);
}

let seconds = 0;
function tick() {
  seconds += 1;
  if (seconds % 2 === 0) draw();
}

search.addEventListener("input", draw);
search.form.addEventListener("submit", (event) => event.preventDefault());
