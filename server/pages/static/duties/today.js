// What is due today for me: each duty with its evidence, and one button that records it.
import { t } from "/static/text.js";
import { el, say } from "/static/element.js";
import { get, post } from "/static/api.js";
import { clock } from "/static/moments.js";
import { Live } from "/static/live.js";

const place = document.getElementById("duties");
const none = document.getElementById("none");
const SIGNS = { met: "●", open: "○", warned: "○", missed: "×" };

function field(name) {
  const input = el("input", { name, "aria-label": name });
  return el("label", {}, name, input);
}

function amountField(task) {
  return el("label", {}, t("duties.amount", { unit: task.unit }), el("input", { name: "amount", type: "number", min: 0, step: "any", value: 1, required: true }));
}

function form(task) {
  if (task.devices) return el("p", { class: "small" }, t("duties.devices", { percent: task.amount, text: task.devices }));
  const names = [...task.evidence, ...(task.zero_report ? ["零报告"] : [])];
  const counted = task.target > 1 || task.unit !== "次";
  const said = el("p", { role: "status" });
  const made = el("form", {}, ...names.map(field), counted ? amountField(task) : null, el("button", { type: "submit" }, t("duties.record")), said);
  made.addEventListener("submit", async (event) => {
    event.preventDefault();
    const evidence = Object.fromEntries([...new FormData(made)].filter(([name, text]) => text && name !== "amount"));
    const amount = counted ? Number(made.elements.amount.value) : 1;
    try {
      await post("/api/v1/duties/records", { duty: task.duty, site: task.site, subject: task.subject, amount, evidence });
      await read();
    } catch (error) {
      say(said, error.detail || error.message);
    }
  });
  return made;
}

function section(task) {
  const amount = task.target ? ` · ${task.amount} / ${task.target} ${task.unit}` : "";
  const due = task.standing === "met" ? "" : ` · ${t("duties.due", { time: clock(task.due) })}`;
  return el("section", { class: `sheet${task.standing === "met" ? " done" : ""}` },
    el("h2", {}, `${task.name} · ${task.bearer}`),
    el("p", {}, el("span", { class: `standing ${task.standing}` }, `${SIGNS[task.standing]} ${t(`duties.${task.standing}`)}`), `${amount}${due}${task.note ? ` · ${task.note}` : ""}`),
    task.standing === "met" ? null : form(task),
  ); // prettier-ignore
}

async function read() {
  try {
    const found = await get("/api/v1/duties/today");
    place.replaceChildren(...found.map(section));
    say(document.getElementById("counted"), t("duties.counted", { n: found.filter((task) => task.standing !== "met").length }));
    none.hidden = found.length > 0;
    say(none, t("duties.none"));
  } catch (error) {
    none.hidden = false;
    say(none, t("failed.load", { text: error.message }));
    setTimeout(read, 5000);
  }
}

document.getElementById("feed").addEventListener("click", async () => {
  const box = document.getElementById("feed-address");
  box.hidden = false;
  try {
    const { token } = await post("/api/v1/tokens", { name: t("duties.feed.name"), scope: ["duties.feed"] });
    box.replaceChildren(el("p", {}, t("duties.feed.copy")), el("p", { class: "secret" }, `${location.origin}/api/v1/duties/calendar.ics?token=${token}`), el("p", { class: "small" }, t("duties.feed.once")));
  } catch (error) {
    say(box, error.detail || error.message);
  }
});
new Live();
read();
