// The gate wall: cards in the order to take them, a counted stack, the calm state, sounds.
import { t, may } from "/static/text.js";
import { say } from "/static/element.js";
import { Acknowledgements } from "/static/acknowledge.js";
import { makeCard, makeLine, showCard } from "/static/card.js";
import { Live } from "/static/live.js";
import { showAdvice } from "/static/advice.js";
import { readSide, showHealth, showPlan } from "/static/side.js";
import { clock } from "/static/moments.js";
import { sentence, what, where } from "/static/naming.js";
import { heldInDrill, incident, inOrder, split, unacked } from "/static/order.js";
import { showPlaces } from "/static/places.js";
import { askShelf, shelvable, showShelf } from "/static/shelf.js";
import * as sound from "/static/sound.js";
import { alive } from "/static/values.js";

const byId = (id) => document.getElementById(id);
const cards = byId("cards");
const stack = byId("stack");
const announced = new Set(); // alerts told to screen readers and to the ear, once each
const sounded = new Map(); // incident: when it sounded last

const live = new Live({ alert: arrived, ready: started, points: places, agent: places, second: second });
const acknowledgements = new Acknowledgements(live, draw);
const actions = {
  acknowledge: (id) => acknowledgements.send(id),
  reset: (id) => acknowledgements.reset(id),
  confirm: (id) => acknowledgements.confirm(id),
  shelve: (id) => askShelf(`${where(live.alerts.get(id))} · ${what(live.alerts.get(id))}`, (body) => acknowledgements.shelve(id, body)),
  advise: (id) => showAdvice(`${where(live.alerts.get(id))} · ${what(live.alerts.get(id))}`, live.alerts.get(id).kind, sentence(live.alerts.get(id))),
  note: (id) => acknowledgements.note(id, `${where(live.alerts.get(id))} · ${what(live.alerts.get(id))}`),
};

function started() {
  byId("unsure").hidden = true;
  draw();
  places();
}

function arrived(alert, had) {
  const real = had?.drill && !alert.drill; // it was marked as of a drill, and is not any more
  if (real) announced.delete(alert.id);
  if (unacked(alert) && (!had || !unacked(had) || real)) announce(alert);
  else if (!unacked(alert)) announced.delete(alert.id);
  else if (alert.name !== had.name) rename(alert);
  draw();
  places();
}

function announce(alert) {
  if (announced.has(alert.id)) return;
  announced.add(alert.id);
  if (announced.size > 2000) announced.delete(announced.values().next().value);
  const told = document.createElement("p");
  told.setAttribute("role", "alert");
  told.dataset.told = alert.id;
  told.textContent = t("wall.new", { text: sentence(alert) });
  byId("heard").append(told);
  if (byId("heard").childElementCount > 20) byId("heard").firstElementChild.remove();
  if (alert.late || alert.shelved_until || heldInDrill(alert)) return;
  const cause = incident(alert);
  if (Date.now() - (sounded.get(cause) ?? 0) < 60_000) return;
  sounded.set(cause, Date.now());
  if (sounded.size > 500) sounded.delete(sounded.keys().next().value);
  sound.arrive(alert.severity);
}

/** Say again what was told before its agent's birth said where it is. */
function rename(alert) {
  const told = [...byId("heard").children].find((one) => one.dataset.told === alert.id);
  if (told) say(told, t("wall.new", { text: sentence(alert) }));
}

function draw() {
  const { cards: shown, stack: rest } = split(live.alerts.values());
  const had = new Map([...cards.children].map((card) => [card.dataset.alert, card]));
  shown.forEach((alert, place) => {
    const card = had.get(alert.id) ?? makeCard(alert, actions);
    had.delete(alert.id);
    showCard(card, alert, look(alert));
    if (cards.children[place] !== card) cards.insertBefore(card, cards.children[place] ?? null);
  });
  for (const gone of had.values()) gone.remove();
  cards.dataset.count = shown.length;
  showStack(rest);
  showShelf(live.alerts.values(), (id) => acknowledgements.unshelve(id));
  calm();
}

function look(alert) {
  return {
    skew: live.chain.skew,
    pending: acknowledgements.pending.has(alert.id),
    failed: acknowledgements.failed.get(alert.id),
    shelvable: shelvable(alert),
    commentable: may("alerts.comment"),
  };
}

function showStack(rest) {
  stack.hidden = rest.length === 0;
  if (rest.length === 0) return;
  say(stack.querySelector("summary"), t("wall.stack", { n: rest.length, unacked: rest.filter(unacked).length }));
  if (!stack.open) return; // hundreds of lines nobody looks at are not drawn with every change
  stack.querySelector("ol").replaceChildren(...rest.map((alert) => makeLine(alert, live.chain.skew)));
}

stack.addEventListener("toggle", () => stack.open && draw());

function calm() {
  const empty = live.ready && [...live.alerts.values()].every((alert) => alert.shelved_until);
  const trusted = empty && !live.chain.broken;
  byId("calm").hidden = !trusted;
  const unsure = byId("unsure");
  unsure.hidden = trusted || !(empty || !live.ready);
  say(unsure, t(live.ready || live.chain.pageLost ? "wall.unsure" : "wall.asking"));
  if (!trusted) return;
  const points = [...live.points.values()];
  const deaf = points.filter((point) => !alive(point)).length;
  const checked = t("wall.checked", { time: clock(live.chain.seen, true), n: points.length });
  document.querySelector(".checked").dataset.deaf = deaf ? "yes" : "no"; // no green tick over places nobody hears
  say(document.querySelector(".checked"), deaf ? `${checked} · ${t("wall.deaf", { n: deaf })}` : checked);
}

function places() {
  if (!live.ready) return;
  showPlaces(live);
  showPlan(live);
  showHealth(live);
}

const side = () =>
  readSide(() => {
    draw();
    places();
  });
side();

let seconds = 0;
function second() {
  calm();
  const urgent = [...live.alerts.values()].some((alert) => alert.severity === "critical" && unacked(alert) && !alert.late && !alert.shelved_until);
  sound.keep(urgent);
  seconds += 1;
  if (seconds % 60 === 0) side();
  if (seconds % 4) return;
  places();
  for (const card of cards.children) {
    const alert = live.alerts.get(card.dataset.alert);
    if (alert) showCard(card, alert, look(alert));
  }
}

document.addEventListener("keydown", (event) => {
  if (event.key !== "a" || event.target.matches("input, textarea, select") || event.ctrlKey || event.metaKey || event.altKey) return;
  if (document.querySelector("dialog[open]")) return;
  const first = inOrder(live.alerts.values()).find((alert) => unacked(alert) && !alert.shelved_until);
  if (first) acknowledgements.send(first.id);
});
