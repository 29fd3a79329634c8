// Beside the cards: who is on duty, the plan with the same marks, and what ails the system itself.
import { t, language, word } from "/static/text.js";
import { get } from "/static/api.js";
import { setAdvice } from "/static/advice.js";
import { el, mark, say } from "/static/element.js";
import { ailments } from "/static/health.js";
import { clock } from "/static/moments.js";
import { active, inOrder } from "/static/order.js";
import { alive } from "/static/values.js";

const byId = (id) => document.getElementById(id);
const key = (row) => `${row.site}/${row.agent}/${row.point}`;
let wall = null;
let chosen = null; // the plan a person picked; an alarm elsewhere still wins

/** Read duty, plans and texts; `done()` when they changed. Kept as they were when the server does not answer. */
export async function readSide(done) {
  const found = await get(`/api/v1/wall?lang=${language}`).catch(() => null);
  if (!found || JSON.stringify(found) === JSON.stringify(wall)) return;
  wall = found;
  setAdvice(wall.advice);
  showDuty();
  byId("plan").dataset.plan = "";
  done();
}

function showDuty() {
  const people = wall.on_duty.map((one) => el("li", {},
    el("span", { class: "post" }, one.post),
    el("b", {}, one.name),
    one.phone ? el("a", { href: `tel:${one.phone.replaceAll(" ", "")}` }, one.phone) : el("span", {}, t("duty.no-phone")),
  )); // prettier-ignore
  const none = wall.on_duty.length ? "" : t(wall.roster_set ? "duty.nobody" : "duty.unset");
  byId("duty").replaceChildren(...people);
  say(byId("duty-none"), none);
}

/** Draw the plan: every point in its place, those that want a person with their mark. */
export function showPlan(live) {
  const plans = wall?.plans.filter((plan) => plan.points.length) ?? [];
  byId("plan-section").hidden = plans.length === 0;
  if (plans.length === 0) return;
  const worst = new Map();
  for (const alert of inOrder([...live.alerts.values()].filter(active)).reverse()) worst.set(key(alert), alert);
  const urgent = plans.find((plan) => plan.points.some((spot) => worst.get(key(spot))?.severity === "critical"));
  const plan = urgent ?? plans.find((one) => one.id === chosen) ?? plans.find((one) => one.points.some((spot) => worst.has(key(spot)))) ?? plans[0];
  const figure = byId("plan");
  if (figure.dataset.plan !== plan.id) lay(figure, plan, plans);
  for (const spot of figure.querySelectorAll(".spot")) showSpot(spot, live.points.get(spot.dataset.point), worst.get(spot.dataset.point), live.chain.pageLost);
}

function lay(figure, plan, plans) {
  figure.dataset.plan = plan.id;
  const spots = plan.points.map((spot) => {
    const made = el("a", { class: "spot", "data-point": key(spot), href: `/points/${key(spot)}` }, el("span", { "aria-hidden": "true" }));
    made.style.left = `${spot.x * 100}%`;
    made.style.top = `${spot.y * 100}%`;
    return made;
  });
  const picture = el("img", { src: `/api/v1/wall/plans/${plan.id}/picture`, alt: plan.name, width: plan.width, height: plan.height });
  const sheet = el("div", { class: "plan-sheet" }, picture, ...spots);
  const pick = el("select", { "aria-label": t("plan.pick") }, ...plans.map((one) => el("option", { value: one.id, selected: one.id === plan.id }, one.name)));
  pick.addEventListener("change", () => {
    chosen = pick.value;
    figure.dataset.plan = "";
  });
  figure.replaceChildren(sheet, plans.length > 1 ? pick : el("figcaption", { class: "small" }, plan.name));
}

function showSpot(spot, point, alert, stale) {
  const severity = stale ? "none" : (alert?.severity ?? (point && alive(point) ? "none" : "fault"));
  const state = alert ? `${word("severity", alert.severity)} ${word("kind", alert.kind)}` : t(severity === "none" ? "points.alive" : "chain.unknown");
  spot.className = `spot ${severity}`;
  spot.firstElementChild.className = `mark ${severity}`;
  const label = `${point?.place ?? ""} ${point?.name ?? spot.dataset.point} · ${state}`.trim();
  if (spot.getAttribute("aria-label") !== label) spot.setAttribute("aria-label", label);
  spot.title = label;
}

/** List what ails the system itself; one quiet line when nothing does. */
export function showHealth(live) {
  const found = ailments(live, wall?.push);
  const list = byId("health");
  const text = found.join("|");
  if (list.dataset.text !== text) {
    list.dataset.text = text;
    list.replaceChildren(...found.map((one) => el("li", {}, mark("fault"), el("span", {}, one))));
  }
  const fine = found.length === 0 && live.ready && !live.chain.broken;
  byId("health-fine").hidden = !fine;
  if (fine) say(byId("health-fine"), t("health.fine", { time: clock(live.chain.seen, true), n: live.agents.size }));
}
