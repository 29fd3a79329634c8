// Edit the duty roster: one row a person and post, days of the week, from and to.
import { get, send } from "/static/api.js";
import { el, say } from "/static/element.js";
import { Live } from "/static/live.js";
import { t } from "/static/text.js";

const form = document.getElementById("roster");
const body = form.querySelector("tbody");
const said = document.getElementById("said");
const DAYS = "1234567";

function row(shift = { post: "", name: "", phone: "", days: "12345", begins: "07:30", ends: "19:30" }) {
  const field = (name, more = {}) => el("td", {}, el("input", { name, value: shift[name], "aria-label": t(`roster.${name}`), maxlength: 40, autocomplete: "off", ...more }));
  const days = [...DAYS].map((day) => el("label", { class: "day" }, el("input", { type: "checkbox", value: day, checked: shift.days.includes(day) }), t(`roster.day.${day}`)));
  const made = el("tr", {},
    field("post", { required: true }),
    field("name", { required: true }),
    field("phone", { type: "tel", maxlength: 30, pattern: "[0-9+\\- ]*" }),
    el("td", {}, el("fieldset", { class: "days" }, el("legend", { class: "away" }, t("roster.days")), ...days)),
    field("begins", { type: "time", required: true }),
    field("ends", { type: "time", required: true }),
    el("td", {}, el("button", { type: "button", onclick: () => made.remove() }, t("roster.remove"))),
  ); // prettier-ignore
  return made;
}

function read(made) {
  const shift = { days: [...made.querySelectorAll(".day input:checked")].map((box) => box.value).join("") };
  for (const name of ["post", "name", "phone", "begins", "ends"]) shift[name] = made.querySelector(`[name=${name}]`).value.trim();
  return shift;
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const shifts = [...body.rows].map(read);
  const dayless = shifts.find((shift) => !shift.days);
  if (dayless) return say(said, t("roster.no-day", { name: dayless.name }));
  try {
    await send("PUT", "/api/v1/wall/roster", shifts);
    say(said, t("settings.saved", { what: t("nav.roster") }));
  } catch (error) {
    say(said, t("settings.failed", { text: error.message }));
  }
});
document.getElementById("add").addEventListener("click", () => {
  body.append(row());
  body.lastElementChild.querySelector("input").focus();
});
new Live();
get("/api/v1/wall/roster").then((shifts) => body.append(...(shifts.length ? shifts : [undefined]).map((shift) => row(shift))), (error) => say(said, t("settings.failed", { text: error.message }))); // prettier-ignore
