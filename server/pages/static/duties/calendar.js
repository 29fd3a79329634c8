// The school calendar of a year: seen, taken out as Excel, changed there, put back whole or not at all.
import { t } from "/static/text.js";
import { el, say } from "/static/element.js";
import { get, send } from "/static/api.js";
import { Live } from "/static/live.js";

const table = document.getElementById("calendar");
const none = document.getElementById("none");
const school = document.getElementById("school");
const said = document.getElementById("said");
const file = document.getElementById("import");
let year = new Date().getFullYear();
const query = () => new URLSearchParams({ year, site: table.dataset.site || school?.value || "" });

async function read() {
  say(document.getElementById("title"), t("duties.calendar.title", { year }));
  document.getElementById("export").href = `/api/v1/duties/calendar/export?${query()}`;
  try {
    const lines = await get(`/api/v1/duties/calendar?${query()}`);
    table.tBodies[0].replaceChildren(...lines.map((one) => el("tr", {}, el("td", {}, one.kind_text), el("td", {}, one.name), el("td", {}, one.first), el("td", {}, one.last))));
    none.hidden = lines.length > 0;
    say(none, t("duties.calendar.none"));
  } catch (error) {
    none.hidden = false;
    say(none, t("failed.load", { text: error.message }));
  }
}

file?.addEventListener("change", async () => {
  if (!file.files[0]) return;
  try {
    const done = await send("POST", `/api/v1/duties/calendar/import?${query()}`, file.files[0], 30000);
    said.replaceChildren(el("p", {}, t("duties.calendar.done", { n: done.lines, year: done.year })));
  } catch (error) {
    said.replaceChildren(el("p", { class: "failed" }, t("duties.calendar.refused")), el("ul", {}, ...(error.detail || error.message).split("；").map((one) => el("li", {}, one)))); // prettier-ignore
  }
  file.value = "";
  read();
});

for (const [id, by] of [["before", -1], ["after", 1]]) document.getElementById(id).addEventListener("click", () => { year += by; read(); }); // prettier-ignore
if (school) {
  get("/api/v1/hazards/words").then((words) => school.append(...words.sites.map((one) => el("option", { value: one.id }, one.zh))));
  school.addEventListener("change", read);
}
new Live();
read();
