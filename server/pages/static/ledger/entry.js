// One hazard: the next step as the one prominent button, the facts, the evidence, and the whole story.
import { t, may } from "/static/text.js";
import { el, mark, say } from "/static/element.js";
import { get, post } from "/static/api.js";
import { Live } from "/static/live.js";
import { clock } from "/static/moments.js";
import { stepForm } from "/static/ledger/form.js";
import { plot } from "/static/ledger/plot.js";

const place = document.getElementById("hazard");
const none = document.getElementById("none");
const path = `/api/v1/hazards/${place.dataset.id}`;
let hazard = null;
let words = null;
let open = "";
let asked = 0; // the newest question to the server: an answer to an older one is dropped
let sending = false; // a step is on its way: the news of it is no news of somebody else
let behind = false; // an answer came while a form was open: it is asked for again when the form is closed

const line = (name, value, extra = null) => (value || extra ? el("div", {}, el("dt", {}, name), el("dd", {}, value ? String(value) : null, extra)) : null);
const said = (name, value) => words.options[name]?.find((one) => one.id === value)?.zh ?? value;
const full = (at) => (at ? clock(at, true) : "");

function facts() {
  const h = hazard;
  const labels = words.labels;
  const group = (title, ...lines) => (lines.some(Boolean) ? el("section", { class: "sheet" }, el("h2", {}, title), el("dl", {}, ...lines)) : null);
  const other = (id) => (id ? el("a", { href: `/hazards/${id}` }, t("ledger.other")) : null);
  return [
    group(t("ledger.finding"), line(t("hazards.number"), h.number), line(t("ledger.site"), words.sites.find((one) => one.id === h.site)?.zh ?? h.site), line(t("ledger.source"), h.source_text), line(t("ledger.found"), `${full(h.found_at)} · ${h.found_by}`),
      line(labels.place, h.place), line(labels.grid, h.grid), line(labels.description, h.description), line(labels.basis, h.basis),
      line(t("ledger.times"), h.count > 1 ? `${h.count}` : ""), line(t("ledger.recurs"), h.recurrence ? `${h.recurrence}` : "", other(h.recurs_of)),
      line(t("ledger.into"), "", other(h.merged_into))),
    group(t("ledger.judging"), line(labels.category, h.category_text), line(labels.grade, h.grade_text || t("hazards.ungraded")), line(labels.layer, said("layer", h.layer)),
      line(labels.term, said("term", h.term)), line(labels.clause, said("clause", h.clause)), line(labels.interim, h.interim), line(t("ledger.judged"), h.judged_by && `${full(h.judged_at)} · ${h.judged_by}`)),
    group(t("ledger.rectifying"), line(labels.responsible_unit, h.responsible_unit), line(labels.responsible, h.responsible), line(labels.measures, h.measures), line(labels.deadline, full(h.deadline)),
      line(labels.funds, h.funds), line(labels.plan, h.plan), line(t("ledger.extensions"), h.extensions ? `${h.extensions}` : ""), line(labels.supervision, said("supervision", h.supervision)), line(labels.result, h.result)),
    group(t("ledger.closing"), line(t("ledger.rectified"), h.rectified_by && `${full(h.rectified_at)} · ${h.rectified_by}`), line(t("ledger.verified"), h.verified_by && `${full(h.verified_at)} · ${h.verified_by}`),
      line(labels.conclusion, h.conclusion), line(t("ledger.closed"), h.closed_by && `${full(h.closed_at)} · ${h.closed_by}`), line(labels.false_cause, said("false_cause", h.false_cause)), line(labels.reason, h.reason)),
  ]; // prettier-ignore
}

/** The still of an alarm is asked for by a press, because each look is noted; one that is over is said to be. */
function still(alert) {
  if (!may("stills.read")) return null;
  const named = hazard.story.find((row) => row.body.evidence?.alert === alert.id)?.body.evidence.still;
  if (!alert.still) return named ? el("p", { class: "small" }, t("ledger.still.gone", { camera: named.camera })) : null;
  const words = { camera: alert.still.camera, time: clock(alert.still.at, true) };
  const show = (event) => event.target.replaceWith(el("img", { class: "still", src: `/api/v1/alerts/${alert.id}/still`, alt: t("ledger.still.alt", words) }));
  return el("div", {}, el("button", { type: "button", onclick: show }, t("ledger.still")), el("p", { class: "small" }, t("ledger.still.said", { days: hazard.still_days })));
}

function evidence() {
  const kept = hazard.story.filter((row) => row.action === "evidence").map((row) => row.body.evidence);
  if (!kept.length && !hazard.alerts.length && !hazard.cameras.length) return null;
  const trail = hazard.alerts.map((alert) => el("li", {}, mark(alert.severity), ` ${alert.name} · ${clock(alert.began_at, true)} ${t("ledger.began")} · ${clock(alert.received_at, true)} ${t("ledger.received")}`,
    el("br"), alert.acked_by ? `${clock(alert.acked_at, true)} ${t("ledger.acked", { by: alert.acked_by })}` : t("ledger.unacked"), alert.comment ? ` · ${alert.comment}` : "", still(alert))); // prettier-ignore
  const cameras = hazard.cameras.map((one) => el("li", {}, t("ledger.recorder", { camera: `${one.name}（${one.agent}/${one.id}）`, time: clock(one.at, true) })));
  return el("section", { class: "sheet" }, el("h2", {}, t("ledger.evidence")),
    trail.length ? el("ul", {}, ...trail) : null,
    ...kept.map((one) => (one.readings.length ? plot(one) : el("p", { class: "small" }, t("ledger.noreadings", { point: one.point })))),
    cameras.length ? el("ul", {}, ...cameras) : null); // prettier-ignore
}

async function take(step, fields) {
  const body = { version: hazard.version };
  for (const [name, value] of Object.entries(fields)) {
    if (value !== "" || (hazard[name] ?? "") !== "") body[name] = value;
  }
  sending = true;
  try {
    await post(`${path}/${step.action}`, body);
  } finally {
    sending = false;
  }
  open = "";
  await read();
  document.querySelector("#next h2")?.focus();
}

function choose(action) {
  open = action;
  draw();
  const form = place.querySelector(".step-form");
  if (!form) {
    if (behind) read();
    return place.querySelector(".main-step")?.focus();
  }
  const wanted = form.querySelector(".wanted")?.closest(".field")?.querySelector("input, select, textarea");
  (wanted ?? form.querySelector("input, select, textarea, button")).focus();
}

function nextStep() {
  const { main } = hazard;
  const mine = main && hazard.next.find((step) => step.action === main.action);
  const others = hazard.next.filter((step) => step.action !== main?.action && step.action !== "recur");
  const chosen = hazard.next.find((step) => step.action === open);
  const card = el("section", { class: "next-card", id: "next", "aria-label": t("ledger.next") });
  if (!main) card.append(el("h2", { tabindex: "-1" }, t("ledger.over", { state: hazard.state_text })));
  else if (chosen) card.append(el("h2", { tabindex: "-1" }, chosen.text), stepForm(chosen, hazard, words, (fields) => take(chosen, fields), () => choose("")));
  else {
    card.append(el("h2", { tabindex: "-1" }, t("ledger.next")));
    const roles = main.roles.map((role) => t(`role.${role}`)).join("、");
    if (mine && !mine.refused) card.append(el("button", { type: "button", class: "first main-step", onclick: () => choose(main.action) }, mine.text));
    else card.append(el("p", { class: "waits" }, t("ledger.waits", { step: main.text, roles })));
    if (mine?.refused) card.append(el("p", { class: "lacks" }, mine.refused));
    if (main.missing_text.length) card.append(el("p", { class: "lacks" }, t("ledger.lacks", { what: main.missing_text.join("、") })));
  }
  if (!chosen && may("hazards.write")) {
    const usable = others.filter((step) => !step.refused);
    if (hazard.next.some((step) => step.action === "recur")) usable.push(hazard.next.find((step) => step.action === "recur"));
    if (usable.length) card.append(el("p", { class: "steps" }, ...usable.map((step) => el("button", { type: "button", onclick: () => choose(step.action) }, `${step.text}…`))));
  }
  return card;
}

function draw() {
  const h = hazard;
  document.title = `${h.number} · ${t("product")}`;
  say(document.querySelector("main h1"), h.description.split("\n")[0].slice(0, 80));
  const late = h.open && h.due_at && new Date(h.due_at) < new Date();
  const head = el("p", { class: "head-line" }, el("span", { class: "badge" }, h.state_text), words.majors.includes(h.grade) ? el("span", { class: "badge major" }, mark("critical"), ` ${h.grade_text}`) : null,
    h.simulated ? el("span", { class: "tag" }, t("simulated.tag")) : null, ` ${h.number} · ${h.place || t("ledger.noplace")}`,
    h.due_at && h.open ? el("span", { class: late ? "late" : "" }, ` · ${t(late ? "ledger.overdue" : "ledger.due")} ${clock(h.due_at)}`) : null); // prettier-ignore
  const story = el("section", { class: "tale" }, el("h2", {}, t("hazards.story")), el("ol", { class: "story" }, ...h.story.map((step) =>
    el("li", {}, el("time", { datetime: step.at }, clock(step.at, true)), el("span", { class: "by" }, ` ${step.by}`), el("p", {}, step.text))))); // prettier-ignore
  const papers = el("p", { class: "papers" }, ...["record", "notice", "opinion"].map((paper) => el("a", { href: `/hazards/${h.id}/${paper}` }, t(`ledger.paper.${paper}`))));
  place.replaceChildren(head, el("p", { id: "changed", class: "changed", role: "status", hidden: true }),
    el("div", { class: "entry" }, el("div", { class: "column" }, nextStep(), ...facts().filter(Boolean), evidence() ?? "", papers), story)); // prettier-ignore
  none.hidden = true;
}

async function read() {
  const mine = ++asked;
  try {
    const found = await get(path);
    words ??= await get(`/api/v1/hazards/words?site=${encodeURIComponent(found.site)}`);
    if (mine !== asked) return;
    behind = Boolean(open);
    if (behind) return void overtaken(found.version); // a form that was opened meanwhile stays as it is
    hazard = found;
    draw();
  } catch (error) {
    say(none, error.status === 404 ? t("hazards.missing") : t("failed.load", { text: error.message }));
    none.hidden = false;
    if (error.status !== 404) setTimeout(read, 5000);
  }
}

/** A change from elsewhere: shown at once, unless a form is being filled in; then it is said, and nothing is lost. */
function changed(news) {
  if (!hazard || news?.id !== hazard.id) return;
  if (!open) return void read();
  behind = true;
  overtaken(news.version);
}

function overtaken(version) {
  if (sending || version === hazard.version) return; // a sensor or a timer added to the story: the form still stands
  const note = document.getElementById("changed");
  note.hidden = false;
  note.replaceChildren(t("ledger.changed"), " ", el("button", { type: "button", onclick: () => { open = ""; read(); } }, t("ledger.reload"))); // prettier-ignore
}

document.addEventListener("keydown", (event) => {
  if (event.target.matches("input, select, textarea") || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "n" && hazard?.main && hazard.next.some((step) => step.action === hazard.main.action && !step.refused)) {
    event.preventDefault();
    choose(hazard.main.action);
  }
});

new Live({ hazard: changed });
read();
