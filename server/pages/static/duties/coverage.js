// Coverage above the schools: a row for each school, a column for each duty, how much of it was met; the worst first.
import { t } from "/static/text.js";
import { el, say } from "/static/element.js";
import { get } from "/static/api.js";
import { Live } from "/static/live.js";

const table = document.getElementById("coverage");
const none = document.getElementById("none");
const form = document.getElementById("span");
const day = (at) => `${at.getFullYear()}-${String(at.getMonth() + 1).padStart(2, "0")}-${String(at.getDate()).padStart(2, "0")}`;
form.elements.last.value = day(new Date());
form.elements.first.value = day(new Date(Date.now() - 30 * 86400e3));

const settled = (one) => (one.met ?? 0) + (one.missed ?? 0);
const share = (rows) => {
  const all = rows.reduce((sum, one) => sum + settled(one), 0);
  return all ? rows.reduce((sum, one) => sum + (one.met ?? 0), 0) / all : null;
};
const shown = (part) => (part === null ? "—" : `${Math.floor(part * 100)} %`);

function draw(found, names) {
  const duties = new Map(found.map((one) => [one.duty, one.name]));
  const schools = new Map();
  for (const one of found) schools.set(one.site, [...(schools.get(one.site) ?? []), one]);
  const order = [...schools].sort((a, b) => (share(a[1]) ?? 2) - (share(b[1]) ?? 2));
  const rows = order.map(([site, own]) =>
    el("tr", {}, el("th", { scope: "row" }, site ? el("a", { href: `/duties/month?site=${encodeURIComponent(site)}` }, names.get(site) ?? site) : t("duties.above")),
      el("td", { class: share(own) !== null && share(own) < 1 ? "missed" : "" }, shown(share(own))),
      ...[...duties.keys()].map((duty) => {
        const one = own.find((row) => row.duty === duty);
        if (!one) return el("td", { class: "off" });
        const words = t("duties.cell", { met: one.met ?? 0, missed: one.missed ?? 0, open: (one.open ?? 0) + (one.warned ?? 0) });
        return el("td", { class: one.missed ? "missed" : "", title: words }, settled(one) ? `${one.missed ? "×" : "●"} ${shown(share([one]))}` : "○", el("span", { class: "away" }, ` ${words}`));
      }))); // prettier-ignore
  table.replaceChildren(el("thead", {}, el("tr", {}, el("th", { scope: "row" }, t("duties.school")), el("th", { scope: "col" }, t("duties.all")), ...[...duties.values()].map((name) => el("th", { scope: "col" }, name)))), el("tbody", {}, ...rows)); // prettier-ignore
  say(document.getElementById("counted"), t("duties.schools", { n: schools.size - (schools.has("") ? 1 : 0) }));
  none.hidden = found.length > 0;
  say(none, t("duties.month.none"));
}

async function read() {
  try {
    const words = await get("/api/v1/hazards/words");
    const names = new Map(words.sites.map((one) => [one.id, one.zh]));
    draw(await get(`/api/v1/duties/coverage?${new URLSearchParams(new FormData(form))}`), names);
  } catch (error) {
    none.hidden = false;
    say(none, t("failed.load", { text: error.detail || error.message }));
  }
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  read();
});
new Live();
read();
