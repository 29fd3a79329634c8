// The shelf: alerts put aside for a time, always in sight as a counted line; asking for reason and end.
import { t, may } from "/static/text.js";
import { el, mark, say } from "/static/element.js";
import { what, where } from "/static/naming.js";
import { clock } from "/static/moments.js";

const shelf = document.getElementById("shelf");
const NEVER = new Set(document.querySelector("[data-never-shelved]").dataset.neverShelved.split(" "));
const MINUTES = [30, 120, 480, 1440];

/** Whether this visitor may put this alert aside. */
export const shelvable = (alert) => may("alerts.shelve") && !NEVER.has(alert.kind) && !alert.shelved_until;

/** Draw the counted line and what is behind it. */
export function showShelf(alerts, end) {
  const shelved = [...alerts].filter((alert) => alert.shelved_until).sort((a, b) => (a.shelved_until < b.shelved_until ? -1 : 1));
  shelf.hidden = shelved.length === 0;
  if (shelf.hidden) return;
  say(shelf.querySelector("summary"), t("shelf.counted", { n: shelved.length, time: clock(shelved[0].shelved_until) }));
  const seen = shelved.map((alert) => `${alert.id} ${alert.n}`).join();
  if (shelf.dataset.seen === seen) return; // a button that has the focus keeps it
  shelf.dataset.seen = seen;
  shelf.querySelector("ol").replaceChildren(...shelved.map((alert) => line(alert, end)));
}

function line(alert, end) {
  const title = `${where(alert)} · ${what(alert)}`;
  return el("li", { "data-alert": alert.id },
    mark(alert.severity),
    el("b", {}, title),
    el("span", { class: "why" }, alert.comment),
    el("time", { datetime: alert.shelved_until }, t("card.shelved", { time: clock(alert.shelved_until) })),
    may("alerts.shelve") ? el("button", { type: "button", "aria-label": t("shelf.end.of", { text: title }), onclick: () => end(alert.id) }, t("shelf.end")) : null,
  ); // prettier-ignore
}

/** Ask for how long and why; `put({minutes, reason})` is called with the answer. */
export function askShelf(title, put) {
  const reason = el("input", { id: "shelf-reason", maxlength: 300, autocomplete: "off", required: true });
  const until = (minutes) => clock(new Date(Date.now() + minutes * 60_000));
  const choice = (minutes, i) => el("label", { class: "choice" },
    el("input", { type: "radio", name: "minutes", value: minutes, checked: i === 0 }),
    el("span", {}, t("shelf.until", { time: until(minutes), age: t(`shelf.for.${minutes}`) })),
  ); // prettier-ignore
  const form = el("form", { method: "dialog" },
    el("h2", { id: "shelf-title" }, title),
    el("p", {}, t("shelf.lead")),
    el("fieldset", {}, el("legend", {}, t("shelf.how-long")), ...MINUTES.map(choice)),
    el("label", { for: "shelf-reason" }, t("shelf.reason")),
    reason,
    el("div", { class: "steps" }, el("button", { value: "put", class: "first" }, t("shelf.put")), el("button", { value: "back", formnovalidate: true }, t("note.back"))),
  ); // prettier-ignore
  const dialog = el("dialog", { class: "ask", "aria-labelledby": "shelf-title" }, form);
  dialog.addEventListener("close", () => {
    dialog.remove();
    if (dialog.returnValue === "put") put({ minutes: Number(new FormData(form).get("minutes")), reason: reason.value.trim() });
  });
  document.body.append(dialog);
  dialog.showModal();
  reason.focus();
}
