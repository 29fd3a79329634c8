// One tile of the water board: made once, then only its texts change, so that what is being typed stays.
import { drawing } from "/static/api.js";
import { el, mark, say } from "/static/element.js";
import { age, clock } from "/static/moments.js";
import { known, t, word } from "/static/text.js";
import { valueText } from "/static/values.js";

export const key = (tile) => `${tile.site}/${tile.id}`;
const MARKS = { alarm: "critical", present: "warning", unknown: "fault", clear: "fine" };
const REMEMBERED = "water-who";
const PLOT_MS = 60_000;

/** One sentence for the ear: what stands where. */
export function sentence(tile, skew) {
  return `${tile.name}：${stateText(tile, skew)}`;
}

const seconds = (at, skew) => (Date.now() + skew - new Date(at).getTime()) / 1000;

function stateText(tile, skew) {
  const lasts = tile.since ? age(seconds(tile.since, skew)) : "";
  const what = [...new Set(tile.alerts.filter((one) => one.kind !== "fault" && one.kind !== "anomaly").map((one) => word("kind", one.kind)))];
  if (tile.state === "alarm") return t("water.state.alarm", { what: what.join("、"), age: lasts });
  if (tile.state === "present") return t("water.state.present", { age: lasts });
  if (tile.state === "unknown") return t("water.state.unknown");
  return t(tile.watched ? "water.state.clear" : "water.state.unwatched");
}

export function makeTile(tile, actions) {
  const node = el("li", { class: "water-tile", "data-water": key(tile) });
  const title = `w-${key(tile).replaceAll(/[^a-z0-9]+/g, "-")}`;
  const who = el("input", { maxlength: 80, autocomplete: "off", placeholder: t("water.who"), "aria-label": t("water.who.label", { name: tile.name }) });
  who.value = localStorage.getItem(REMEMBERED) ?? "";
  const send = el("button", { type: "submit", class: "first" }, t("water.send"));
  const form = el("form", { class: "send" }, who, send);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    localStorage.setItem(REMEMBERED, who.value.trim());
    actions.send(node.tile, who.value.trim());
  });
  const there = el("button", { type: "button", class: "there", onclick: () => actions.arrived(node.tile) }, t("water.arrived"));
  node.append(
    el("article", { "aria-labelledby": title },
      el("header", {}, el("h2", { id: title }), el("span", { class: "grade" }), el("span", { class: "small where" })),
      el("p", { class: "state" }),
      el("p", { class: "stage" }),
      el("ul", { class: "blind" }),
      el("div", { class: "plot" }),
      el("ul", { class: "sensors" }),
      el("dl", { class: "register" }),
      el("p", { class: "sent-who" }, el("span", {}), there),
      form,
      el("p", { class: "failed", role: "alert" }),
    ),
  ); // prettier-ignore
  return node;
}

export function showTile(node, tile, skew) {
  node.tile = tile;
  node.dataset.state = tile.state;
  const part = (name) => node.querySelector(`.${name}`);
  say(node.querySelector("h2"), tile.name);
  part("grade").dataset.grade = tile.grade || "none";
  say(part("grade"), t("water.grade", { grade: tile.grade_name || t("water.grade.none") }));
  say(part("where"), tile.place);
  part("state").replaceChildren(mark(MARKS[tile.state]), el("span", { class: "words" }));
  const blind = tile.sensors.filter((one) => one.reason);
  part("blind").replaceChildren(...(tile.sensors.length ? blind.map((one) => el("li", {}, t("water.blind", { name: one.name, reason: word("reason", one.reason) }))) : [el("li", {}, t("water.nosensor"))]));
  part("sensors").replaceChildren(...tile.sensors.map(sensor));
  part("register").replaceChildren(...register(tile, skew));
  const sent = part("sent-who");
  sent.hidden = !tile.sent;
  if (tile.sent) {
    const { who, by, at, arrived_at: arrived } = tile.sent;
    const line = t("water.sent", { who, by, time: clock(at) });
    say(sent.firstElementChild, arrived ? `${line} ${t("water.sent.there", { time: clock(arrived) })}` : line);
    sent.querySelector(".there").hidden = Boolean(arrived);
  }
  plot(node, tile);
  tickTile(node, skew, false);
}

/** What changes every second: how long it has been going on, and how long until the principal is told. */
export function tickTile(node, skew, lost) {
  const { tile } = node;
  say(node.querySelector(".words"), lost ? t("water.state.lost") : stateText(tile, skew));
  const stage = node.querySelector(".stage");
  say(stage, stageText(tile, skew));
  stage.hidden = !stage.textContent;
}

function stageText({ stage }, skew) {
  if (!stage) return "";
  if (stage.stage === "principal") return t("water.stage.principal", { time: clock(stage.principal_at, true) });
  if (stage.stage !== "lingering") return "";
  const left = Math.max(0, Math.round(-seconds(stage.principal_due_at, skew)));
  return t("water.stage.lingering", { n: left });
}

function sensor(one) {
  const shape = { alarm: "critical", unknown: "fault", ok: "fine" }[one.state];
  const state = one.kind === "zone" && one.state !== "unknown" ? `zone.${one.state}` : one.state;
  let text = one.value === null || one.value === undefined ? t(`water.sensor.${state}`) : valueText(one);
  if (one.state === "unknown") text = t("water.sensor.unknown");
  else if (typeof one.value === "boolean" && known(`water.${one.kind}.${one.value}`)) text = t(`water.${one.kind}.${one.value}`);
  return el("li", { "data-state": one.state }, mark(shape), el("span", {}, one.name), el("b", {}, text));
}

function register(tile, skew) {
  const row = (name, ...value) => el("div", {}, el("dt", {}, t(`water.row.${name}`)), el("dd", {}, ...value));
  const rows = [];
  if (tile.patrol) {
    const { at, by, due_at: due, overdue } = tile.patrol;
    const last = at ? t("water.patrol.last", { age: age(seconds(at, skew)), by }) : t("water.patrol.never");
    const next = overdue ? el("strong", { class: "overdue" }, mark("warning"), t("water.patrol.overdue")) : t("water.patrol.due", { time: clock(due) });
    rows.push(row("patrol", `${last} · `, next));
  }
  const gear = Object.entries(tile.gear).map(([item, there]) =>
    el("span", { class: "gear", "data-there": String(there) }, t("water.gear", { name: t(`gear.${item}`), state: t(`water.gear.${there}`) })));
  if (gear.length) rows.push(row("gear", ...gear));
  const season = t(tile.in_season ? "water.season.in" : "water.season.out", { first: tile.months[0] ?? "—", last: tile.months.at(-1) ?? "—" });
  rows.push(row("season", season));
  rows.push(row("armed", tile.armed.length ? tile.armed.join("、") : t("water.armed.always")));
  if (!tile.configured) rows.push(row("register", t("water.unregistered")));
  return rows;
}

/** The server's drawing of a level's day. */
async function plot(node, tile) {
  const box = node.querySelector(".plot");
  box.hidden = tile.levels.length === 0;
  if (box.hidden || performance.now() - (node.plotted ?? -PLOT_MS) < PLOT_MS) return;
  node.plotted = performance.now();
  const found = [];
  for (const one of tile.levels) {
    const point = encodeURIComponent(`${one.agent}/${one.point}`);
    const picture = await drawing(`/api/v1/water/${tile.site}/${tile.id}/level.svg?point=${point}`);
    if (picture) found.push(picture);
  }
  if (found.length) box.replaceChildren(...found);
}
