// One alert as a card: what, where, since when, what to do, who is on it.
import { firstLine } from "/static/advice.js";
import { t, word, known } from "/static/text.js";
import { el, mark, say } from "/static/element.js";
import { ago, clock } from "/static/moments.js";
import { sentence, what, where } from "/static/naming.js";
import { active, unacked } from "/static/order.js";
import { round } from "/static/values.js";

const SUSPECTED = new Set(["flame", "smoke", "heat"]); // an advisory of these becomes an alarm by a person's tap

function reading(alert) {
  const { value, unit, reason } = alert;
  if (alert.kind === "fault" || typeof value !== "number") return "";
  const why = known(`reason.${reason}`) ? ` ${t(`reason.${reason}`)}` : "";
  return t("card.value", { value: `${round(value)} ${unit}`.trim() }) + why;
}

function who(alert) {
  if (alert.shelved_until) return t("card.shelved", { time: clock(alert.shelved_until) });
  if (unacked(alert)) return t("card.nobody");
  const said = t("card.acked", { name: alert.acked_by, time: clock(alert.acked_at) });
  return alert.comment ? `${said} · ${alert.comment}` : said;
}

function since(alert, skew) {
  if (alert.late) return t("card.late", { began: clock(alert.began_at), received: clock(alert.received_at) });
  return t("card.since", { age: ago(alert.began_at, skew), time: clock(alert.began_at) });
}

function notes(alert) {
  const notes = [reading(alert)];
  if (!active(alert)) notes.push(t("card.cleared", { time: clock(alert.cleared_at) }));
  if (alert.latched && active(alert) && !unacked(alert)) {
    notes.push(alert.reset_at ? t("card.resetting", { name: alert.reset_by }) : t("card.latched"));
  }
  if (alert.count > 1) notes.push(t("card.count", { n: alert.count }));
  return notes.filter(Boolean).join(" · ");
}

/** Make the card of an alert; `acknowledge(alert)` and `note(alert)` are called by its buttons. */
export function makeCard(alert, { acknowledge, note, reset, confirm, shelve, advise }) {
  const card = el("article", { class: "card", "data-alert": alert.id, tabindex: "-1" },
    el("header", {}, mark(alert.severity), el("b", { class: "severity" }), el("span", { class: "what" }), el("span", { class: "tags" }), el("time", { class: "since" })),
    el("h2", { class: "where" }),
    el("p", { class: "notes" }),
    el("p", { class: "do" }, el("b", {}, t("card.do")), el("span")),
    el("p", { class: "say" }, el("b", {}, t("card.say")), el("q")),
    el("p", { class: "failed", role: "alert" }),
    el("footer", {},
      el("button", { type: "button", class: "ack", onclick: () => acknowledge(alert.id) }),
      el("button", { type: "button", class: "reset", onclick: () => reset(alert.id) }, t("card.reset")),
      el("button", { type: "button", class: "confirm", onclick: () => confirm(alert.id) }, t("card.confirm")),
      el("span", { class: "who" }),
      el("button", { type: "button", class: "note steps-of", onclick: () => advise(alert.id) }, t("advice.card")),
      el("button", { type: "button", class: "note shelve", onclick: () => shelve(alert.id) }, t("card.shelve")),
      el("button", { type: "button", class: "note comment", onclick: () => note(alert.id) }, t("card.comment")),
    ),
  ); // prettier-ignore
  return card;
}

/** Bring a card up to date; nothing is touched that has not changed. */
export function showCard(card, alert, { skew, pending, failed, shelvable, commentable }) {
  card.className = `card ${alert.severity} ${alert.state}${alert.shelved_until ? " shelved" : ""}${alert.drill ? " drill" : ""}`;
  card.dataset.state = alert.state;
  card.dataset.n = alert.n;
  const part = (name) => card.querySelector(name);
  const title = `${where(alert)} ${what(alert)}`;
  part(".mark").className = `mark ${alert.severity}`;
  say(part(".severity"), word("severity", alert.severity));
  say(part(".what"), what(alert));
  say(part(".where"), where(alert));
  say(part(".since"), since(alert, skew));
  part(".since").dateTime = alert.began_at;
  say(part(".notes"), notes(alert));
  say(part(".do span"), firstLine(alert.kind));
  say(part(".say q"), sentence(alert));
  say(part(".who"), who(alert));
  say(part(".tags"), [alert.simulated && t("simulated.tag"), alert.drill && t("drill.tag")].filter(Boolean).join(" · "));
  say(part(".failed"), failed ? t("card.failed", { text: failed }) : "");
  const button = part(".ack");
  button.hidden = !unacked(alert);
  button.disabled = pending;
  button.setAttribute("aria-label", t("card.ack.of", { text: title }));
  part(".reset").hidden = unacked(alert) || !alert.latched || !active(alert) || Boolean(alert.reset_at);
  part(".reset").disabled = pending;
  part(".confirm").hidden = !(SUSPECTED.has(alert.kind) && alert.severity === "advisory" && active(alert));
  part(".confirm").disabled = pending;
  part(".confirm").setAttribute("aria-label", t("card.confirm.of", { text: title }));
  part(".steps-of").setAttribute("aria-label", t("advice.of", { text: title }));
  part(".shelve").hidden = !shelvable;
  part(".shelve").setAttribute("aria-label", t("card.shelve.of", { text: title }));
  part(".comment").hidden = !commentable;
  part(".comment").setAttribute("aria-label", t("card.comment.of", { text: title }));
  say(button, t(pending ? "card.acking" : "card.ack"));
}

/** One line for the stack. */
export function makeLine(alert, skew) {
  return el("li", { class: alert.state }, mark(alert.severity), el("b", {}, word("severity", alert.severity)), el("span", {}, `${where(alert)} · ${what(alert)}`), el("time", { datetime: alert.began_at }, since(alert, skew)), el("span", { class: "who" }, who(alert)));
}
