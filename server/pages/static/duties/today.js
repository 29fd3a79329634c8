// What is due today for me: each duty with its evidence, and one button that records it.
import { t } from "/static/text.js";
import { el, say } from "/static/element.js";
import { get, post } from "/static/api.js";
import { clock } from "/static/moments.js";
import { Live } from "/static/live.js";

const place = document.getElementById("duties");
const none = document.getElementById("none");
const drawn = new Map(); // each duty as it was read, and its section: what did not change is not drawn again
const ZERO = "零报告"; // nothing was found, said in so many words
const SIGNS = { met: "●", open: "○", warned: "○", missed: "×" };

function field(name) {
  if (name === ZERO) return el("label", { class: "zero" }, el("input", { name, type: "checkbox", value: "是" }), t("duties.zero"));
  return el("label", {}, name, el("input", { name, "aria-label": name, maxlength: 2000 }));
}

function amountField(task) {
  return el("label", {}, t("duties.amount", { unit: task.unit }), el("input", { name: "amount", type: "number", min: 0, max: task.unit === "%" ? 100 : null, step: "any", value: task.unit === "%" ? task.amount || "" : 1, required: true }));
}

function form(task) {
  if (task.devices) return el("p", { class: "small" }, t("duties.devices", { percent: task.amount, text: task.devices }));
  const page = task.page ? el("a", { class: "button", href: task.page }, t("duties.page")) : null;
  if (!task.by_hand) return el("p", {}, page);
  const names = [...task.evidence, ...(task.zero_report ? [ZERO] : [])];
  const counted = task.target > 1 || task.unit !== "次";
  const said = el("p", { role: "status" });
  const made = el("form", {}, ...names.map(field), counted ? amountField(task) : null, el("button", { type: "submit" }, t("duties.record")), page, said,
    task.zero_report ? el("a", { href: "/hazards/report?source=daily-check" }, t("duties.patrol.found")) : null); // prettier-ignore
  made.addEventListener("input", () => { made.dataset.typed = "yes"; }); // prettier-ignore
  made.addEventListener("submit", async (event) => {
    event.preventDefault();
    const evidence = Object.fromEntries([...new FormData(made)].filter(([name, text]) => text && name !== "amount"));
    const amount = counted ? Number(made.elements.amount.value) : 1;
    try {
      await post("/api/v1/duties/records", { duty: task.duty, site: task.site, subject: task.subject, amount, evidence });
      delete made.dataset.typed;
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
    task.standing === "met" && task.unit !== "%" ? null : form(task), // a share can fall again
  ); // prettier-ignore
}

/** Draw what changed and leave the rest alone: a form half filled in keeps its words and the cursor. */
function draw(found) {
  const kept = new Set();
  for (const [i, task] of found.entries()) {
    const id = `${task.duty}/${task.site}/${task.subject}/${task.slot}`;
    const said = JSON.stringify(task);
    const had = drawn.get(id);
    const same = had?.said === said || had?.node.querySelector("form")?.dataset.typed;
    const node = same ? had.node : section(task);
    if (!same) {
      had?.node.remove();
      drawn.set(id, { said, node });
    }
    if (place.children[i] !== node) place.insertBefore(node, place.children[i] ?? null);
    kept.add(id);
  }
  for (const [id, { node }] of drawn) if (!kept.has(id)) node.remove(), drawn.delete(id);
}

async function read() {
  try {
    const found = await get("/api/v1/duties/today");
    draw(found);
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
// What a drill or a patrol ticks is seen within a minute, and so is a new day.
let next = performance.now() + 60_000;
new Live({
  second: () => {
    if (document.hidden || performance.now() < next) return;
    next = performance.now() + 60_000;
    read();
  },
});
read();
