// The board for the projector: the clock as large as it goes, people out, exits, the curve, classes that turn as they report.
import { el, say } from "/static/element.js";
import { age } from "/static/moments.js";
import { language, t } from "/static/text.js";
import { counted, doubt, exact, minutes } from "/static/drills/clock.js";
import { drawCurve, Followed } from "/static/drills/follow.js";
import { worst } from "/static/drills/outcome.js";

const byId = (id) => document.getElementById(id);
const board = byId("board");
const drill = new Followed(board.dataset.id, show);
let drawn = 0;

function show(view) {
  const { result, row } = view;
  board.dataset.phase = result.phase;
  say(byId("name"), row.name || t(`drills.kind.${row.kind}`));
  say(byId("phase"), result.waiting_for_data ? t("drills.waiting") : t(`drills.phase.${result.phase}`));
  say(byId("people"), counted(result.count));
  const letters = counted(result.count).length;
  byId("people").dataset.wide = letters > 7 ? "very" : letters > 4 ? "yes" : "no";
  say(byId("expected"), String(result.expected));
  say(byId("reconciled"), result.phase === "finished" ? view.reconciled : "");
  verdict(result);
  exits(view);
  classes(result.roll_call);
  curve();
  tick();
}

function verdict(result) {
  const over = result.phase === "finished";
  byId("verdict").hidden = !over;
  byId("verdict").dataset.verdict = worst(result.stages);
  board.dataset.verdict = over ? worst(result.stages) : "open";
  if (!over) return;
  const parts = result.stages.map((s) => `${s.name} ${t(`drills.verdict.${s.verdict}`)}`);
  if (result.official) parts.push(`${t("drills.pm", { n: doubt(result.official) })} ${t(`drills.board.basis.${result.basis}`)}`);
  if (result.straggler) parts.push(t("drills.straggler", { n: result.straggler.count, time: exact(result.straggler.last.seconds) }));
  say(byId("verdict"), parts.join(" · "));
}

function exits({ result, links }) {
  const most = Math.max(1, ...result.exits.map((exit) => exit.count.out - exit.count.back));
  const rows = new Map([...byId("exits").children].map((row) => [row.dataset.exit, row]));
  result.exits.forEach((exit, i) => {
    const row = rows.get(exit.id) ?? byId("exits").appendChild(
      el("li", { "data-exit": exit.id }, el("b", { class: "name" }), el("span", { class: "n" }), el("span", { class: "last" }),
        el("progress", { max: 1, value: 0, "aria-hidden": "true" }))); // prettier-ignore
    const silent = links.find((link) => link.exit === exit.id)?.silent ?? true;
    row.dataset.silent = silent && result.phase === "evacuating" ? "yes" : "no";
    row.className = `exit-${i % 6}`;
    say(row.querySelector(".name"), exit.name);
    say(row.querySelector(".n"), counted(exit.count));
    row.querySelector("progress").value = Math.max(0, exit.count.out - exit.count.back) / most;
  });
}

function classes(call) {
  say(byId("reported"), call.classes.length ? t("drills.board.reported", { n: call.reported, all: call.classes.length }) : "");
  byId("classes").dataset.many = call.classes.length > 24 ? "very" : call.classes.length > 15 ? "yes" : "no";
  const tiles = new Map([...byId("classes").children].map((tile) => [tile.dataset.class, tile]));
  for (const one of call.classes) {
    const tile = tiles.get(one.id) ?? byId("classes").appendChild(el("li", { "data-class": one.id }, el("b", {}), el("span", {})));
    const [state, text] = classState(one);
    tile.dataset.state = state;
    say(tile.querySelector("b"), one.name);
    say(tile.querySelector("span"), call.classes.length <= 15 ? text : state === "missing" ? String(one.missing) : ""); // the mark alone, where tiles are small
    tile.title = text;
  }
}

function classState(one) {
  const time = minutes((one.arrived ?? one.reported)?.seconds ?? 0);
  if (one.present === null) return one.arrived ? ["arrived", t("drills.class.arrived", { time })] : ["waiting", t("drills.class.waiting")];
  if (one.missing > 0) return ["missing", t("drills.class.missing", { n: one.missing })];
  return ["fine", t("drills.class.fine", { present: one.present, expected: one.expected - one.excused, time })];
}

/** Once a second while it runs is enough for the eye. */
function curve() {
  if (Date.now() - drawn < 1000) return;
  drawn = Date.now();
  drawCurve(byId("curve"), drill.id, language, "board");
}

function targets(result, elapsed) {
  const parts = result.stages.map(({ name, target_s: target }) => {
    if (target === null) return t("drills.board.target.none", { name });
    const time = minutes(target);
    return elapsed !== null && elapsed > target && result.phase === "evacuating"
      ? t("drills.board.target.over", { name, time, over: minutes(elapsed - target) })
      : t("drills.board.target.one", { name, time });
  });
  return parts.length ? t("drills.board.target", { targets: parts.join(" · ") }) : "";
}

function tick() {
  const result = drill.view?.result;
  if (!result) return;
  const elapsed = result.phase === "finished" ? (result.official?.seconds ?? null) : drill.elapsed();
  const timed = ["evacuating", "finished"].includes(result.phase) && elapsed !== null;
  const text = timed ? exact(Math.max(0, elapsed)) : "";
  byId("clock").dataset.long = timed && text.length > 6 ? "yes" : "no";
  say(document.querySelector("#clock .big"), timed ? text.slice(0, -2) : "0:00");
  say(document.querySelector("#clock .tenths"), timed ? text.slice(-2) : "");
  say(byId("target"), timed || result.phase === "planned" ? targets(result, elapsed) : t("drills.before"));
  const limits = result.stages.map((s) => s.target_s).filter((s) => s !== null).sort((a, b) => a - b);
  const goal = limits.find((limit) => timed && elapsed < limit) ?? limits.at(-1);
  const share = goal && timed ? Math.min(elapsed / goal, 1) : 0;
  document.querySelector(".ring .done").setAttribute("stroke-dasharray", `${(share * 100).toFixed(2)} 200`);
  board.dataset.over = goal && timed && elapsed > goal ? "yes" : limits.some((limit) => timed && elapsed > limit) ? "some" : "no";
  lastAges(result, elapsed);
  if (result.phase === "evacuating") curve();
}

function lastAges(result, elapsed) {
  for (const row of byId("exits").children) {
    const exit = result.exits.find((one) => one.id === row.dataset.exit);
    const running = result.phase === "evacuating";
    const slow = result.phase === "finished" && result.bottleneck === exit?.id ? ` · ${t("drills.board.bottleneck")}` : "";
    const text = row.dataset.silent === "yes" ? `■ ${t("drills.board.lost")}`
      : !exit?.last ? t("drills.board.nobody")
      : running ? t("drills.board.last", { age: age(Math.max(0, elapsed - exit.last.seconds)) })
      : `${exact(exit.last.seconds)}${slow}`; // prettier-ignore
    say(row.querySelector(".last"), text);
  }
}

/** The ring follows the edge of its panel, whatever the screen's shape. */
function fitRing() {
  const ring = document.querySelector(".ring");
  const { width, height } = ring.getBoundingClientRect();
  const line = Math.max(6, Math.min(width, height) / 30);
  for (const rect of ring.children) {
    const places = { x: line / 2, y: line / 2, width: Math.max(0, width - line), height: Math.max(0, height - line), rx: line * 1.5, "stroke-width": line };
    for (const [name, value] of Object.entries(places)) rect.setAttribute(name, value);
  }
}

new ResizeObserver(fitRing).observe(document.querySelector(".time"));
setInterval(tick, 100);
