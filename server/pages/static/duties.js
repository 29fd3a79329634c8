// What is due today for me: each duty with its evidence, and one button that records it.
import { t } from "/static/text.js";
import { el, say } from "/static/element.js";
import { get, post } from "/static/api.js";
import { Live } from "/static/live.js";
import * as sound from "/static/sound.js";

const place = document.getElementById("duties");
const none = document.getElementById("none");
const SIGNS = { met: "●", open: "○", warned: "○", missed: "×" };

function field(name) {
  const input = el("input", { name, "aria-label": name });
  return el("p", {}, el("label", {}, name, " ", input));
}

function form(task) {
  const names = [...task.evidence, ...(task.zero_report ? ["零报告"] : [])];
  const said = el("p", { role: "status" });
  const made = el("form", {}, ...names.map(field), el("button", { type: "submit" }, t("duties.record")), said);
  made.addEventListener("submit", async (event) => {
    event.preventDefault();
    const evidence = Object.fromEntries([...new FormData(made)].filter(([, text]) => text));
    try {
      await post("/api/v1/duties/records", { duty: task.duty, site: task.site, subject: task.subject, evidence });
      await read();
    } catch (error) {
      say(said, error.message);
    }
  });
  return made;
}

function section(task) {
  const state = `${SIGNS[task.standing]} ${t(`duties.${task.standing}`)}`;
  const amount = `${task.amount} / ${task.target} ${task.unit}`;
  return el("section", { class: "sheet" },
    el("h2", {}, `${task.name} · ${task.bearer}`),
    el("p", {}, `${state} · ${amount}${task.note ? ` · ${task.note}` : ""}`),
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

new Live({ second: () => sound.keep(false) });
read();
