// The month of a school as a grid: a row for each duty and who has it, a column for each day.
import { t, language } from "/static/text.js";
import { el, say } from "/static/element.js";
import { get } from "/static/api.js";
import { Live } from "/static/live.js";

const table = document.getElementById("month");
const none = document.getElementById("none");
const school = document.getElementById("school");
const SIGNS = { met: "●", open: "○", warned: "○", missed: "×" };
const asked = new URLSearchParams(location.search);
const now = new Date();
let year = Number(asked.get("year")) || now.getFullYear();
let month = Number(asked.get("month")) || now.getMonth() + 1;

const site = () => table.dataset.site || school?.value || "";

function cell(task, span, of) {
  const amount = task.target <= 1 ? "" : task.unit === "%" ? `${task.amount}%` : `${task.amount}/${task.target}`;
  const words = `${task.name} ${task.slot} ${t(`duties.${task.standing}`)} ${amount}`;
  return el("td", { colspan: span > 1 ? span : null, class: `${task.standing}${of ? " today" : ""}`, title: words }, el("span", { "aria-hidden": "true" }, SIGNS[task.standing], amount ? el("span", { class: "amount" }, amount) : null), el("span", { class: "away" }, words)); // prettier-ignore
}

function row(tasks, days) {
  const { name, bearer } = tasks[0];
  const cells = [];
  const today = now.getFullYear() === year && now.getMonth() + 1 === month ? now.getDate() : 0;
  let day = 1;
  for (const task of tasks) {
    const first = Math.max(1, task.first.slice(0, 7) < key() ? 1 : Number(task.first.slice(8)));
    const last = task.last.slice(0, 7) > key() ? days : Number(task.last.slice(8));
    for (; day < first; day++) cells.push(el("td", { class: `off${day === today ? " today" : ""}` }));
    cells.push(cell(task, last - first + 1, first <= today && today <= last));
    day = last + 1;
  }
  for (; day <= days; day++) cells.push(el("td", { class: `off${day === today ? " today" : ""}` }));
  return el("tr", {}, el("th", { scope: "row" }, name, el("span", {}, bearer)), ...cells);
}

const key = () => `${year}-${String(month).padStart(2, "0")}`;

function draw(found) {
  const days = new Date(year, month, 0).getDate();
  const rows = new Map();
  for (const task of found) {
    const id = `${task.duty}/${task.site}/${task.subject}`;
    rows.set(id, [...(rows.get(id) ?? []), task]);
  }
  const week = new Intl.DateTimeFormat(language, { weekday: "narrow" });
  const head = [...Array(days).keys()].map((n) => {
    const at = new Date(year, month - 1, n + 1);
    return el("th", { scope: "col", class: at.getDay() % 6 ? null : "off" }, `${n + 1}`, el("br"), week.format(at));
  });
  table.replaceChildren(el("thead", {}, el("tr", {}, el("th", { scope: "row" }, t("duties.duty")), ...head)), el("tbody", {}, ...[...rows.values()].map((tasks) => row(tasks.sort((a, b) => (a.first < b.first ? -1 : 1)), days)))); // prettier-ignore
  none.hidden = found.length > 0;
  say(none, t("duties.month.none"));
}

async function read() {
  say(document.getElementById("title"), t("duties.month.title", { year, month }));
  history.replaceState(null, "", `?${new URLSearchParams({ year, month, ...(school ? { site: site() } : {}) })}`);
  try {
    draw(await get(`/api/v1/duties/month?year=${year}&month=${month}&site=${encodeURIComponent(site())}`));
  } catch (error) {
    none.hidden = false;
    say(none, t("failed.load", { text: error.message }));
  }
}

function turn(by) {
  month += by;
  if (month < 1) [year, month] = [year - 1, 12];
  if (month > 12) [year, month] = [year + 1, 1];
  read();
}

document.getElementById("before").addEventListener("click", () => turn(-1));
document.getElementById("after").addEventListener("click", () => turn(1));
new Live();
if (school) {
  get("/api/v1/hazards/words").then((words) => {
    school.append(...words.sites.map((one) => el("option", { value: one.id, selected: one.id === asked.get("site") }, one.zh)));
    school.addEventListener("change", read);
    read();
  });
} else read();
