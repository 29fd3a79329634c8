// The list of drills, and a form that plans one and says beforehand what physics allows.
import { get, post } from "/static/api.js";
import { el, say } from "/static/element.js";
import { Live } from "/static/live.js";
import { clock } from "/static/moments.js";
import { t } from "/static/text.js";
import { outcome } from "/static/drills/outcome.js";

const list = document.getElementById("drills");
const none = document.getElementById("none");
const form = document.getElementById("plan");
const field = form.elements;
let schools = [];

new Live({ ready: read, drill: read });

async function read() {
  const drills = await get("/api/v1/drills").catch(() => null);
  if (!drills) return;
  none.hidden = drills.length > 0;
  say(none, t("drills.none"));
  list.replaceChildren(...drills.map(row));
}

function row(drill) {
  const at = drill.t0_s ? new Date(drill.t0_s * 1000) : (drill.planned_at ?? drill.created_at);
  return el("li", { "data-phase": drill.phase },
    el("a", { href: `/drills/${drill.id}` },
      el("b", {}, drill.name || t(`drills.kind.${drill.kind}`)),
      el("span", { class: "phase" }, outcome(drill)),
      el("span", { class: "small" }, `${drill.school} · ${t(`drills.kind.${drill.kind}`)} · ${clock(at)}`),
    )); // prettier-ignore
}

async function start() {
  schools = (await get("/api/v1/drills/schools").catch(() => [])) ?? [];
  form.querySelector("button").disabled = schools.length === 0;
  if (schools.length === 0) say(document.getElementById("forecasts"), t("drills.noschool"));
  field.site.replaceChildren(...schools.map((school) => el("option", { value: school.site }, school.name)));
  school();
}

function school() {
  const chosen = schools.find((one) => one.site === field.site.value);
  if (!chosen) return;
  const boxes = Object.entries(chosen.buildings).map(([id, name]) => el("label", { class: "tick" },
    el("input", { type: "checkbox", name: "buildings", value: id }), ` ${name}（${t("drills.people", { n: chosen.people[id] })}）`)); // prettier-ignore
  const legend = document.querySelector("#buildings legend");
  document.getElementById("buildings").replaceChildren(legend, ...boxes);
  document.getElementById("forecasts").replaceChildren(...chosen.forecasts.map((one) =>
    el("p", { class: `forecast ${one.outlook}`, lang: "zh-CN" }, one.sentence))); // prettier-ignore
  name();
}

function name() {
  document.getElementById("shelter").hidden = field.kind.value !== "earthquake";
  const date = new Date().toLocaleDateString("sv-SE");
  field.name.placeholder = t("drills.name.usual", { date, kind: t(`drills.kind.${field.kind.value}`) });
}

field.site.addEventListener("change", school);
field.kind.addEventListener("change", name);
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const planned = field.planned_at.value ? new Date(field.planned_at.value).toISOString() : null;
  try {
    const drill = await post("/api/v1/drills", {
      site: field.site.value,
      kind: field.kind.value,
      name: field.name.value || field.name.placeholder,
      buildings: [...form.querySelectorAll("[name=buildings]:checked")].map((box) => box.value),
      planned_at: planned,
      starts_itself: field.starts_itself.checked,
      armed_minutes: field.armed.checked ? 60 : 0,
      shelter_s: field.kind.value === "earthquake" && field.shelter_s.value ? Number(field.shelter_s.value) : null,
    });
    location.assign(`/drills/${drill.id}`);
  } catch (e) {
    say(form.querySelector(".failed"), t("drills.failed", { text: e.message }));
  }
});
start();
