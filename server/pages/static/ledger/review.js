// The 周研判: each undecided hazard is judged where it stands, the minutes are kept, the week is concluded.
import { t, may } from "/static/text.js";
import { el, mark, say } from "/static/element.js";
import { get, post, send } from "/static/api.js";
import { Live } from "/static/live.js";
import { clock } from "/static/moments.js";
import { stepForm } from "/static/ledger/form.js";
import * as sound from "/static/sound.js";

const place = document.getElementById("review");
const none = document.getElementById("none");
const school = document.getElementById("school");
const query = new URLSearchParams(location.search);
const WRITTEN = ["host", "present", "minutes"];
let seen = null;
let words = null;
let open = 0; // the entry whose form is being filled in
let dirty = false; // minutes that were typed and not kept yet
let asked = 0; // the newest question to the server: an answer to an older one is dropped
let behind = false; // an answer came while something was being filled in: it is asked for again afterwards

const site = () => place.dataset.site || school?.value || "";
const path = (rest = "") => `/api/v1/reviews/${seen?.week ?? query.get("week")}${rest}?site=${encodeURIComponent(site())}`;
const named = (name, id) => words.options[name]?.find((one) => one.id === id)?.zh ?? id;

function title(entry) {
  const major = words.majors.includes(entry.grade) ? el("span", { class: "badge major" }, mark("critical"), ` ${entry.grade_text}`) : null;
  return el("h3", {}, el("a", { href: `/hazards/${entry.id}` }, entry.number), " ", major, ` ${entry.description.split("\n")[0].slice(0, 120)}`);
}

const where = (entry) => el("p", { class: "small" }, `${entry.place || t("ledger.noplace")} · ${entry.source_text} · ${clock(entry.found_at, true)} ${entry.found_by}${entry.count > 1 ? ` · ${t("review.times", { n: entry.count })}` : ""}`);

async function decide(entry, fields) {
  const body = { version: entry.version };
  for (const [name, value] of Object.entries(fields)) {
    if (value !== "" || (entry[name] ?? "") !== "") body[name] = value;
  }
  if (entry.state !== "found") delete body.place; // what was found is written down already
  answered(await post(path(`/entries/${entry.id}`), body));
  open = 0;
  draw();
  place.querySelector("[data-judge]")?.focus();
}

/** The answer to a step is the newest there is: what was asked before it is old. */
function answered(week) {
  asked++;
  behind = false;
  seen = week;
}

function close() {
  open = 0;
  draw();
  if (behind) read();
}

function undecided({ entry, lacking, lacking_text: text }) {
  const card = el("section", { class: "next-card review-card", "data-id": entry.id }, title(entry), where(entry));
  if (open === entry.id) {
    const fields = seen.fields.filter((name) => name !== "place" || entry.state === "found");
    const step = { action: "judge", text: t("review.decide"), fields, missing: lacking.concat(entry.place ? [] : ["place"]) };
    card.append(stepForm(step, entry, words, (given) => decide(entry, given), close));
  } else {
    card.append(el("p", { class: "lacks" }, t("ledger.lacks", { what: text.join("、") })));
    if (may("hazards.review")) {
      card.append(el("p", { class: "steps" },
        el("button", { type: "button", class: "first", "data-judge": entry.id, onclick: () => judge(entry.id) }, t("review.judge")),
        el("a", { class: "button", href: `/hazards/${entry.id}` }, t("review.else")))); // prettier-ignore
    }
  }
  return card;
}

function judge(id) {
  open = id;
  draw();
  place.querySelector(".step-form .wanted")?.closest(".field")?.querySelector("input, select, textarea")?.focus();
}

function decided() {
  if (!seen.decided.length) return el("p", { class: "small" }, t("review.nothing"));
  const row = (entry) => el("tr", {}, el("td", {}, el("a", { href: `/hazards/${entry.id}` }, entry.number)), el("td", { class: "what" }, entry.description.slice(0, 80)),
    el("td", {}, entry.grade_text), el("td", {}, named("layer", entry.layer)), el("td", {}, entry.responsible), el("td", { class: "what" }, entry.measures.slice(0, 80)),
    el("td", {}, clock(entry.deadline, true)), el("td", {}, entry.state_text)); // prettier-ignore
  const heads = [t("hazards.number"), t("hazards.what"), t("hazards.grade"), words.labels.layer, t("ledger.responsible"), words.labels.measures, words.labels.deadline, t("hazards.state")];
  const rows = seen.decided.map(row);
  for (const one of rows) [...one.cells].forEach((cell, i) => i > 1 && cell.setAttribute("data-label", heads[i])); // on a phone nothing stands above it
  return el("div", { class: "table ledger-box" }, el("table", { class: "ledger" },
    el("thead", {}, el("tr", {}, ...heads.map((name) => el("th", { scope: "col" }, name)))), el("tbody", {}, ...rows))); // prettier-ignore
}

function minutes() {
  const sheet = el("section", { class: "sheet" }, el("h2", {}, t("review.minutes")));
  if (seen.concluded_at || !may("hazards.review")) {
    sheet.append(el("dl", {}, ...WRITTEN.filter((name) => seen[name]).map((name) => el("div", {}, el("dt", {}, t(`review.${name}`)), el("dd", { class: "written" }, seen[name]))))); // prettier-ignore
    return sheet;
  }
  const field = (name) => {
    const input = name === "minutes" ? el("textarea", { name, id: `m-${name}`, rows: 6, maxlength: 4000 }) : el("input", { name, id: `m-${name}`, maxlength: 400, autocomplete: "off" });
    input.value = seen[name];
    return el("div", { class: `field${name === "minutes" ? " long" : ""}` }, el("label", { for: `m-${name}` }, t(`review.${name}`)), input);
  };
  const left = seen.undecided.length;
  const form = el("form", { class: "step-form" }, ...WRITTEN.map(field),
    el("p", { class: "steps" }, el("button", { type: "submit" }, t("review.keep")),
      el("button", { type: "button", class: "first", id: "conclude", disabled: left > 0, onclick: () => tried(async () => { await kept(form); answered(await post(path("/conclude"), { version: seen.version })); draw(); }) }, t("review.conclude"))),
    left ? el("p", { class: "lacks" }, t("review.left", { n: left })) : null); // prettier-ignore
  form.addEventListener("input", () => { dirty = true; }); // prettier-ignore
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    tried(async () => { await kept(form); draw(); }); // prettier-ignore
  });
  sheet.append(form);
  return sheet;
}

async function kept(form) {
  const written = Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, value.trim()]));
  if (WRITTEN.every((name) => written[name] === seen[name]) && seen.version) return;
  answered(await send("PUT", path(), { version: seen.version, ...written }));
  dirty = false;
}

async function tried(work) {
  const said = document.getElementById("said");
  say(said, "");
  try {
    await work();
  } catch (error) {
    say(said, error.detail || error.message);
    said.scrollIntoView({ block: "nearest" });
  }
}

function draw() {
  say(document.getElementById("span"), `${seen.week} · ${seen.first} — ${seen.last}`);
  document.getElementById("pack").href = `/hazards/packs/week?day=${seen.first}&site=${encodeURIComponent(seen.site)}`;
  const stand = seen.concluded_at ? t("review.over", { at: clock(seen.concluded_at, true), by: seen.concluded_by }) : t("review.stand", { left: seen.undecided.length, done: seen.decided.length });
  say(document.getElementById("stand"), stand);
  const typed = dirty ? Object.fromEntries(new FormData(place.querySelector(".sheet form"))) : null;
  place.replaceChildren(el("h2", {}, t("review.undecided")), ...(seen.undecided.length ? seen.undecided.map(undecided) : [el("p", { class: "small" }, t("review.none"))]),
    el("h2", {}, t("review.decided")), decided(), minutes()); // prettier-ignore
  for (const [name, value] of Object.entries(typed ?? {})) place.querySelector(`#m-${name}`).value = value;
  none.hidden = true;
}

async function read() {
  const mine = ++asked;
  try {
    if (school && !school.options.length) {
      const known = await get("/api/v1/hazards/words");
      school.append(...known.sites.map((one) => el("option", { value: one.id, selected: one.id === query.get("site") }, one.zh)));
    }
    const week = query.get("week");
    const found = await get(`/api/v1/reviews${week ? `/${week}` : ""}?site=${encodeURIComponent(site())}`);
    const known = await get(`/api/v1/hazards/words?site=${encodeURIComponent(site())}`);
    if (mine !== asked) return;
    behind = Boolean(open || dirty); // a form that was opened meanwhile stays as it is
    if (behind) return;
    seen = found;
    words = known;
    draw();
  } catch (error) {
    say(none, error.detail || t("failed.load", { text: error.message }));
    none.hidden = false;
    if (!error.status) setTimeout(read, 5000);
  }
}

function go(days) {
  if (!seen || !mayLeave()) return;
  const day = new Date(`${seen.first}T12:00:00Z`);
  day.setUTCDate(day.getUTCDate() + days + 3); // the Thursday decides the year of a week
  const first = new Date(Date.UTC(day.getUTCFullYear(), 0, 1));
  const week = Math.floor((day - first) / 604800000) + 1;
  query.set("week", `${day.getUTCFullYear()}-W${String(week).padStart(2, "0")}`);
  moved();
}

/** Ask before what was typed is left behind. */
const mayLeave = () => !(open || dirty) || confirm(t("review.leave"));

function moved() {
  open = 0;
  dirty = false;
  if (school) query.set("site", school.value);
  history.replaceState(null, "", `?${query}`);
  read();
}

document.getElementById("earlier").addEventListener("click", () => go(-7));
document.getElementById("later").addEventListener("click", () => go(7));
school?.addEventListener("change", () => {
  if (mayLeave()) moved();
  else school.value = seen.site;
});
new Live({ hazard: () => { if (open || dirty) behind = true; else read(); }, second: () => sound.keep(false) }); // prettier-ignore
read();
