// The form of one step: its fields in the judgement's own words, filled with what is known, the missing ones marked.
import { t } from "/static/text.js";
import { el, say } from "/static/element.js";

const LONG = new Set(["description", "interim", "measures", "plan", "result", "conclusion", "reason"]);
const FRESH = new Set(["reason", "conclusion", "supervision", "false_cause"]); // what was said last time is no answer now
const two = (n) => String(n).padStart(2, "0");

/** An instant as a datetime-local input wants it. */
function local(at) {
  const d = new Date(at);
  return `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())}T${two(d.getHours())}:${two(d.getMinutes())}`;
}

function input(name, value, words, id) {
  if (words.options[name]) {
    const select = el("select", { name, id }, el("option", { value: "" }, t("ledger.choose")),
      ...words.options[name].map((one) => el("option", { value: one.id, selected: one.id === value }, one.zh))); // prettier-ignore
    return select;
  }
  if (LONG.has(name)) {
    const area = el("textarea", { name, id, rows: 3, maxlength: 4000 });
    area.value = value ?? "";
    return area;
  }
  if (name === "deadline") return el("input", { name, id, type: "datetime-local", value: value ? local(value) : "" });
  if (name === "merged_into") return el("input", { name: "into", id, autocomplete: "off" });
  const made = el("input", { name, id, maxlength: 200, value: value ?? "", autocomplete: "off" });
  if (name === "responsible") made.setAttribute("list", "people");
  return made;
}

function row(name, hazard, words, missing) {
  const id = `field-${name}`;
  const wanted = missing.includes(name);
  const note = wanted ? el("span", { class: "wanted" }, t("ledger.wanted")) : null;
  return el("div", { class: `field${LONG.has(name) ? " long" : ""}` },
    el("label", { for: id }, words.labels[name] ?? name, note),
    input(name, FRESH.has(name) ? "" : hazard[name], words, id)); // prettier-ignore
}

function groups(fields, words) {
  const named = [["three_parts", t("ledger.parts")], ["three_clear", t("ledger.clear")], ["major_needs", t("ledger.major")]];
  const taken = new Set();
  const found = [];
  for (const [key, title] of named) {
    const own = words[key].filter((name) => fields.includes(name) && !taken.has(name));
    own.forEach((name) => taken.add(name));
    if (own.length) found.push([title, own]);
  }
  const rest = fields.filter((name) => !taken.has(name));
  if (rest.length) found.push([found.length ? t("ledger.others") : "", rest]);
  return found;
}

/** Make the form of a step; `send` is given the filled fields and may throw a Refused. */
export function stepForm(step, hazard, words, send, cancel) {
  const said = el("p", { class: "failed", role: "alert" });
  const button = el("button", { type: "submit", class: "first" }, step.text);
  const sets = groups(step.fields, words).map(([title, names]) =>
    el("fieldset", {}, el("legend", { class: title ? "" : "away" }, title || step.text), ...names.map((name) => row(name, hazard, words, step.missing))));
  const form = el("form", { class: "step-form", novalidate: true, "aria-label": step.text },
    step.fields.length ? null : el("p", {}, t(`ledger.does.${step.action}`)),
    ...sets,
    el("datalist", { id: "people" }, ...words.people.map((name) => el("option", { value: name }))),
    said,
    el("p", { class: "steps" }, button, cancel ? el("button", { type: "button", onclick: cancel }, t("ledger.cancel")) : null)); // prettier-ignore
  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
    if (event.key === "Escape" && cancel) cancel();
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const given = Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, value.trim()]));
    if ("deadline" in given) {
      if (given.deadline) given.deadline = new Date(given.deadline).toISOString();
      else delete given.deadline;
    }
    button.disabled = true;
    say(said, "");
    try {
      await send(given);
    } catch (error) {
      say(said, error.detail || error.message);
    } finally {
      button.disabled = false;
    }
  });
  return form;
}
