// The leader's page: give signals, end, write down problems, read the result.
import { get, post } from "/static/api.js";
import { el, say } from "/static/element.js";
import { clock } from "/static/moments.js";
import { language, t } from "/static/text.js";
import { counted, doubt, exact, minutes } from "/static/drills/clock.js";
import { drawCurve, Followed } from "/static/drills/follow.js";
import { madeId } from "/static/drills/ids.js";
import { outcome, worst } from "/static/drills/outcome.js";

const byId = (id) => document.getElementById(id);
const id = byId("drill").dataset.id;
const drill = new Followed(id, show);
const CHIPS = ["stairs", "exit", "back", "place", "alarm"];
let buttons = "";
let compared = false;

function show(view) {
  const { result, row } = view;
  say(byId("name"), row.name || t(`drills.kind.${row.kind}`));
  say(byId("phase"), phaseText(view));
  byId("phase").dataset.phase = result.phase;
  const over = result.phase === "finished";
  byId("verdict").hidden = !over;
  byId("verdict").dataset.verdict = worst(result.stages);
  say(byId("verdict"), over ? `${result.stages.map((s) => `${s.name} ${t(`drills.verdict.${s.verdict}`)}`).join(" · ")}` : "");
  showSignals(view);
  byId("facts").replaceChildren(...facts(view).map(([label, text]) => el("div", {}, el("dt", {}, label), el("dd", {}, text))));
  byId("problems").replaceChildren(...view.problems.map(problem));
  if (byId("sure").open) sayMissing();
  drawCurve(byId("curve"), id, language);
  if (over && !compared) compare(row);
  tick();
}

/** The last drills of the same kind beside this one. */
async function compare(row) {
  compared = true;
  const all = await get(`/api/v1/drills?site=${row.site}&limit=100`).catch(() => null);
  compared = all !== null;
  const before = (all ?? []).filter((one) => one.kind === row.kind && one.phase === "finished" && one.created_at < row.created_at).slice(0, 3);
  byId("past-part").hidden = before.length === 0;
  byId("past").replaceChildren(...before.map((one) => el("li", {},
    `${clock(one.t0_s ? one.t0_s * 1000 : one.created_at)} `, el("a", { href: `/drills/${one.id}` }, one.name || t(`drills.kind.${one.kind}`)), ` ${outcome(one)}`))); // prettier-ignore
}

function phaseText(view) {
  const text = t(`drills.phase.${view.result.phase}`);
  if (view.result.waiting_for_data) return `${text} · ${t("drills.waiting")}`;
  if (view.result.phase !== "planned") return text;
  const more = [];
  if (view.armed_until && new Date(view.armed_until) > Date.now()) more.push(t("drills.armedline", { time: clock(view.armed_until) }));
  if (view.row.starts_itself && view.row.planned_at) more.push(t("drills.plannedline", { time: clock(view.row.planned_at) }));
  return [text, ...more].join(" · ");
}

function span(value) {
  return value ? `${exact(value.seconds)} ${t("drills.pm", { n: doubt(value) })}` : t("drills.unrecorded");
}

function facts({ result, reconciled, doors }) {
  const call = result.roll_call;
  const found = [
    [t("drills.fact.t0"), result.t0_s ? `${clock(result.t0_s * 1000, true)}（${result.t0_source}）` : t("drills.unrecorded")],
    [t("drills.fact.out"), `${counted(result.count)} / ${result.expected}`],
    [t("drills.fact.official"), result.official ? `${span(result.official)}（${t(`drills.board.basis.${result.basis}`)}）` : t("drills.unrecorded")],
    [t("drills.fact.clear"), span(result.clear)],
    [t("drills.fact.assembled"), span(result.assembled)],
    [t("drills.fact.accounted"), span(result.accounted)],
  ];
  if (call.classes.length) {
    found.push([t("drills.fact.roll"), t("drills.rolled", { reported: call.reported, classes: call.classes.length, present: call.present, missing: call.missing })]);
    found.push([t("drills.fact.check"), reconciled]);
  }
  const slow = result.exits.find((exit) => exit.id === result.bottleneck);
  if (slow) found.push([t("drills.fact.bottleneck"), `${slow.name}（95 % ${span(slow.most)}）`]);
  if (result.straggler) found.push([t("drills.fact.straggler"), t("drills.straggler", { n: result.straggler.count, time: exact(result.straggler.last.seconds) })]);
  if (doors.length) found.push([t("drills.fact.doors"), doors.map(door).join("；")]);
  return found;
}

/** Whether a door that was held open is closed again by now. */
function door({ name, place, since, until }) {
  const state = until ? t("drills.door.closed", { time: clock(until, true) }) : t("drills.door.open");
  return `${[place, name].filter(Boolean).join(" ")} ${clock(since, true)} ${state}`;
}

function problem(one) {
  const entry = one.hazard ? el("a", { href: `/hazards/${one.hazard}` }, t("drills.problem.entry", { n: one.hazard })) : t("drills.problem.noentry");
  return el("li", {}, `${clock(one.at)} ${one.place ? `${one.place}：` : ""}${one.text} `, entry);
}

function showSignals({ result, row }) {
  const sheltered = row.kind === "earthquake";
  const offered = {
    planned: sheltered ? ["alarm", "shelter", "evacuate", "void"] : ["evacuate", "alarm", "void"],
    alarm: sheltered ? ["shelter", "evacuate", "void"] : ["evacuate", "void"],
    shelter: ["evacuate", "void"],
    evacuating: ["end", "void"],
    finished: ["void"],
    void: [],
  }[result.phase];
  const wanted = offered.join();
  if (wanted === buttons) return; // a button under a finger must not be replaced
  buttons = wanted;
  const first = sheltered && result.phase === "planned" ? "shelter" : result.phase === "evacuating" ? "end" : "evacuate";
  byId("signals").replaceChildren(...offered.map((what) =>
    el("button", { type: "button", class: what === first ? "huge first" : what === "void" ? "plain" : "huge", "data-do": what, onclick: () => press(what) },
      t(["end", "void"].includes(what) ? `drills.${what}` : `drills.signal.${what}`)))); // prettier-ignore
}

async function press(what) {
  const body = { id: madeId(what) };
  if (what === "void" || what === "end") {
    const answer = await sure(what);
    if (answer === null) return;
    body.reason = answer;
  } else {
    body.signal = what;
  }
  await send(["end", "void"].includes(what) ? what : "signal", body);
}

/** Ask a person; null when the answer is no, else the reason given. */
function sure(what) {
  const box = byId("sure");
  box.dataset.what = what;
  sayMissing();
  byId("sure-why").hidden = what !== "void";
  say(box.querySelector("[value=yes]"), t(`drills.${what}`));
  box.returnValue = "no";
  box.showModal();
  return new Promise((done) => {
    box.addEventListener("close", () => done(box.returnValue === "yes" ? box.querySelector("[name=why]").value : null), { once: true });
  });
}

/** Say what the question leaves open; classes go on reporting while it stands. */
function sayMissing() {
  const { what } = byId("sure").dataset;
  const call = drill.view.result.roll_call;
  const open = call.classes.length - call.reported;
  say(byId("sure-text"), what === "end" && (open || call.missing) ? t("drills.sure.end.open", { n: open, missing: call.missing }) : t(`drills.sure.${what}`));
}

async function send(path, body) {
  try {
    const asked = Date.now();
    drill.take(await post(`/api/v1/drills/${id}/${path}`, body), asked);
    say(byId("failed"), "");
    return true;
  } catch (e) {
    say(byId("failed"), t("drills.failed", { text: e.message }));
    return false;
  }
}

function tick() {
  const { result } = drill.view ?? {};
  const elapsed = drill.elapsed();
  const text = result?.phase === "finished" ? (result.official ? exact(result.official.seconds) : "") : result?.phase === "evacuating" ? minutes(elapsed) : "";
  say(byId("lead-clock"), text);
}

const form = byId("problem");
byId("chips").replaceChildren(...CHIPS.map((chip) =>
  el("button", { type: "button", onclick: () => {
    form.elements.text.value = t(`drills.chip.${chip}`);
    form.elements.place.focus();
  } }, t(`drills.chip.${chip}`)))); // prettier-ignore
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const body = { id: madeId("problem"), text: form.elements.text.value, place: form.elements.place.value };
  if (await send("problems", body)) form.reset();
});
setInterval(tick, 200);
