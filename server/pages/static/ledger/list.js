// The hazard ledger as a table: saved views, filters as chips, search, sort, pages by key; all of it in the address.
import { t } from "/static/text.js";
import { el, mark, say } from "/static/element.js";
import { blob, get, post } from "/static/api.js";
import { Live } from "/static/live.js";
import { clock } from "/static/moments.js";

const FILTERS = ["site", "state", "category", "grade", "source"];
const body = document.getElementById("hazards").tBodies[0];
const none = document.getElementById("none");
const search = document.getElementById("find");
const before = []; // cursors of the pages behind us
let words = null;
let following = null;
let query = new URLSearchParams(location.search);
let asking = null;
let stale = 0;

const labelOf = (name, id) => words?.options[name]?.find((one) => one.id === id)?.zh ?? id;

function go(change) {
  for (const [name, value] of Object.entries(change)) {
    if (value) query.set(name, value);
    else query.delete(name);
  }
  query.delete("after");
  before.length = 0;
  history.replaceState(null, "", `?${query}`);
  draw();
  read();
}

const schoolOf = (hazard) => (words?.sites.length > 1 ? `${labelOf("site", hazard.site)} · ` : ""); // who sees one school knows it

function chips() {
  const active = FILTERS.flatMap((name) => query.getAll(name).map((id) => [name, id]));
  if (query.get("q")) active.push(["q", query.get("q")]);
  document.getElementById("chips").replaceChildren(
    ...active.map(([name, id]) =>
      el("button", { type: "button", class: "chip", onclick: () => drop(name, id), "aria-label": t("ledger.drop", { name: labelOf(name, id) }) }, labelOf(name, id), el("span", { "aria-hidden": "true" }, " ×"))),
  ); // prettier-ignore
}

function drop(name, id) {
  const rest = query.getAll(name).filter((one) => one !== id);
  query.delete(name);
  for (const one of rest) query.append(name, one);
  if (name === "q") search.value = "";
  go({});
}

function draw() {
  const view = query.get("view") ?? (query.get("open") ? "open" : "");
  for (const button of document.querySelectorAll("[data-view]")) button.setAttribute("aria-pressed", String(button.dataset.view === view));
  const sort = query.get("sort") ?? "-found_at";
  for (const button of document.querySelectorAll("[data-sort]")) {
    const by = button.dataset.sort;
    const way = sort === by ? "ascending" : sort === `-${by}` ? "descending" : "none";
    button.closest("th").setAttribute("aria-sort", way);
  }
  const link = document.getElementById("export");
  if (link) link.href = `/api/v1/hazards/export?${query}`;
  chips();
}

async function exported(event) {
  event.preventDefault();
  const said = document.getElementById("imported");
  say(said, t("ledger.exporting"));
  try {
    const file = URL.createObjectURL(await blob(event.currentTarget.href));
    el("a", { href: file, download: "register.xlsx" }).click();
    setTimeout(() => URL.revokeObjectURL(file), 60_000);
    say(said, "");
  } catch (refused) {
    say(said, refused.detail ?? t("card.failed.away"));
  }
}

document.getElementById("export")?.addEventListener("click", exported);

function due(hazard) {
  if (!hazard.due_at || !hazard.open) return el("td", { "data-label": t("ledger.due") }, "—");
  const late = new Date(hazard.due_at) < new Date();
  return el("td", { class: late ? "late" : "", "data-label": t("ledger.due") }, late ? el("span", { class: "mark critical", "aria-hidden": "true" }) : null, late ? `${t("ledger.overdue")} ` : "", clock(hazard.due_at));
}

function cells(hazard) {
  const title = hazard.description;
  const major = words?.majors.includes(hazard.grade);
  return el("tr", { "data-id": hazard.id },
    el("td", { class: "nowrap" }, el("a", { href: `/hazards/${hazard.id}`, tabindex: "-1", "aria-hidden": "true" }, hazard.number)),
    el("td", { class: "what" }, el("a", { href: `/hazards/${hazard.id}` }, title), hazard.simulated ? el("span", { class: "tag" }, t("simulated.tag")) : null,
      hazard.recurrence ? el("span", { class: "tag" }, t("ledger.again", { n: hazard.recurrence })) : null),
    el("td", { "data-label": t("points.place") }, `${schoolOf(hazard)}${hazard.place || t("ledger.unknown")}`),
    el("td", { "data-label": t("ledger.filter.category") }, hazard.category_text || t("ledger.unknown")),
    el("td", { "data-label": t("hazards.grade") }, major ? mark("critical") : null, hazard.grade_text || t("hazards.ungraded")),
    el("td", { "data-label": t("hazards.state") }, hazard.state_text),
    el("td", { "data-label": t("ledger.responsible") }, hazard.responsible || "—"),
    due(hazard),
    el("td", { "data-label": t("hazards.found") }, clock(hazard.found_at)),
  ); // prettier-ignore
}

async function read() {
  asking?.abort();
  const mine = (asking = new AbortController());
  try {
    const asked = new URLSearchParams(query);
    asked.set("limit", "50");
    const found = await get(`/api/v1/hazards?${asked}`);
    if (mine.signal.aborted) return;
    following = found.next;
    const focus = document.activeElement?.closest?.("tr")?.dataset.id;
    body.replaceChildren(...found.items.map(cells));
    if (focus) body.querySelector(`tr[data-id="${focus}"] .what a`)?.focus();
    none.hidden = found.items.length > 0;
    say(none, t([...query.keys()].length ? "ledger.nomatch" : "hazards.none"));
    document.getElementById("previous").hidden = before.length === 0;
    document.getElementById("next").hidden = following === null;
    say(document.getElementById("page"), before.length || following ? t("ledger.page", { n: before.length + 1 }) : "");
    const states = await get(`/api/v1/hazards/counts?${query}`);
    if (!mine.signal.aborted) say(document.getElementById("counted"), states.more ? t("ledger.more", { n: states.more }) : t("hazards.counted", { n: Object.values(states).reduce((a, b) => a + b, 0) })); // prettier-ignore
  } catch (error) {
    if (mine.signal.aborted) return;
    none.hidden = false;
    say(none, t("failed.load", { text: error.message }));
    setTimeout(read, 5000);
  }
}

function turn(cursor) {
  if (cursor) query.set("after", cursor);
  else query.delete("after");
  scrollTo(0, 0);
  read();
}

async function options() {
  words = await get("/api/v1/hazards/words");
  words.options.site = words.sites;
  document.querySelector('select[name="site"]').hidden = words.sites.length < 2;
  for (const name of FILTERS) {
    const select = document.querySelector(`select[name="${name}"]`);
    select.append(...words.options[name].map((one) => el("option", { value: one.id }, one.zh)));
    select.addEventListener("change", () => {
      if (name === "site") query.delete("site"); // one school or all
      if (select.value && !query.getAll(name).includes(select.value)) query.append(name, select.value);
      select.value = "";
      go({});
    });
  }
  draw();
}

for (const button of document.querySelectorAll("[data-view]")) {
  button.addEventListener("click", () => {
    const view = button.dataset.view;
    go({ view: view === "open" ? "" : view, open: view === "open" ? "true" : "" });
  });
}
for (const button of document.querySelectorAll("[data-sort]")) {
  button.addEventListener("click", () => {
    const by = button.dataset.sort;
    go({ sort: query.get("sort") === `-${by}` || (by === "found_at" && !query.get("sort")) ? by : `-${by}` });
  });
}
document.getElementById("next").addEventListener("click", () => {
  before.push(query.get("after") ?? "");
  turn(following);
});
document.getElementById("previous").addEventListener("click", () => turn(before.pop()));
search.value = query.get("q") ?? "";
search.form.addEventListener("submit", (event) => {
  event.preventDefault();
  go({ q: search.value.trim() });
});
document.addEventListener("keydown", (event) => {
  if (event.target.matches("input, select, textarea") || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "/") {
    event.preventDefault();
    event.stopImmediatePropagation();
    search.focus();
  } else if (event.key === "j" || event.key === "k") {
    const links = [...body.querySelectorAll(".what a")];
    const at = links.indexOf(document.activeElement);
    links[Math.min(links.length - 1, Math.max(0, at + (event.key === "j" ? 1 : -1)))]?.focus();
  }
});

const file = document.getElementById("import");
file?.addEventListener("change", async () => {
  const said = document.getElementById("imported");
  if (!file.files[0]) return;
  say(said, t("ledger.importing"));
  try {
    const given = await post("/api/v1/hazards/import", file.files[0], 120_000);
    say(said, t("ledger.imported", { n: given.opened, known: given.known }));
  } catch (refused) {
    say(said, refused.detail ?? t("card.failed.away"));
  }
  file.value = "";
  read();
});

// A flood of changes is one reading every two seconds, and none while a person reads page five.
new Live({
  hazard: () => (stale = stale || performance.now()),
  second: () => {
    if (stale && performance.now() - stale > 1500 && !query.get("after")) {
      stale = 0;
      read();
    }
  },
});
draw();
read();
options().then(read);
