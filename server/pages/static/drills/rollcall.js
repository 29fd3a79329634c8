// The roll call on a phone. Every word is kept on the phone first and sent when there is a way; ids make repeats harmless.
import { get, post } from "/static/api.js";
import { el, say } from "/static/element.js";
import { Live } from "/static/live.js";
import { clock } from "/static/moments.js";
import { t } from "/static/text.js";
import { ServerClock } from "/static/drills/clock.js";
import { madeId } from "/static/drills/ids.js";

const byId = (id) => document.getElementById(id);
const id = byId("roll").dataset.id;
const key = `roll:${id}`;
const form = byId("report");
const server = new ServerClock();
const saved = JSON.parse(localStorage.getItem(key) ?? "{}");
const state = { queue: [], chosen: null, arrived: {}, told: {}, sentAt: null, drill: null, clock: null, ...saved };
if (state.clock) Object.assign(server, state.clock);
const asked = new URLSearchParams(location.search).get("class");
if (asked) state.chosen = asked;
let refused = "";
let sending = false;

new Live({ ready: read });

function keep() {
  state.clock = { offset: server.offset, doubt: server.doubt, learnt: server.learnt };
  localStorage.setItem(key, JSON.stringify(state));
}

async function read() {
  const view = await get(`/api/v1/drills/${id}`).catch(() => null);
  if (view) {
    const classes = view.result.roll_call.classes.map(({ id: one, name, expected }) => ({ id: one, name, expected, place: view.places[one] ?? "" }));
    state.drill = { name: view.row.name, school: view.row.school, classes };
    keep();
  }
  show();
}

/** Learn the server's clock from a few quick questions. */
async function listen() {
  for (let i = 0; i < 4; i += 1) {
    const began = Date.now();
    const answer = await get("/api/v1/drills/clock").catch(() => null);
    if (!answer) return;
    server.learn(answer.server_ms, began);
  }
  keep();
}

function show() {
  const classes = state.drill?.classes ?? [];
  const mine = classes.find((one) => one.id === state.chosen);
  byId("choose").hidden = Boolean(mine) || classes.length === 0;
  byId("class").hidden = !mine;
  say(byId("drill-name"), state.drill ? `${state.drill.school} · ${state.drill.name}` : "");
  say(byId("title"), mine?.name ?? t("drills.rollcall"));
  byId("choices").replaceChildren(...classes.map((one) =>
    el("li", {}, el("button", { type: "button", class: "huge", onclick: () => choose(one.id) }, one.name)))); // prettier-ignore
  if (mine) showClass(mine);
  showSent();
}

function choose(one) {
  state.chosen = one;
  form.reset();
  keep();
  show();
}

function showClass(mine) {
  say(byId("place"), mine.place ? t("drills.roll.place", { place: mine.place }) : "");
  const came = state.arrived[mine.id];
  say(byId("arrived"), came ? t("drills.roll.arrived.done", { time: clock(came, true) }) : t("drills.roll.arrived"));
  byId("arrived").disabled = Boolean(came);
  const told = state.told[mine.id];
  if (form.elements.expected.value === "") form.elements.expected.value = told?.expected ?? mine.expected;
  if (form.elements.excused.value === "") form.elements.excused.value = told?.excused ?? 0;
  if (form.elements.present.value === "" && told) form.elements.present.value = told.present;
  missing();
}

function numbers() {
  return Object.fromEntries(["expected", "excused", "present"].map((name) => [name, form.elements[name].value === "" ? null : Number(form.elements[name].value)]));
}

function missing() {
  const { expected, excused, present } = numbers();
  const left = present === null || expected === null ? null : expected - (excused ?? 0) - present;
  byId("missing").dataset.missing = left === null ? "unknown" : left > 0 ? "yes" : left < 0 ? "wrong" : "no";
  const text = left === null ? t("drills.roll.unknown") : left > 0 ? t("drills.roll.missing", { n: left }) : left < 0 ? t("drills.roll.much") : t("drills.roll.none");
  say(byId("missing"), text);
  return left;
}

/** Keep a word on the phone, stamped now; it goes out as soon as there is a way. */
function tell(kind, fields = {}) {
  state.queue.push({ id: madeId(kind), kind, class_id: state.chosen, at_ms: server.now(), plus_minus_ms: server.doubt, ...fields });
  keep();
  send();
}

async function send() {
  if (sending || state.queue.length === 0) return;
  sending = true;
  showSent();
  const batch = state.queue.slice(0, 50);
  try {
    const { kept } = await post(`/api/v1/drills/${id}/roll`, batch);
    state.queue = state.queue.filter((one) => !kept.includes(one.id));
    state.sentAt = server.now();
    refused = "";
  } catch (e) {
    refused = e.status >= 400 && e.status < 500 && e.status !== 401 ? e.message : "";
    if (e.status === 401 && navigator.onLine) location.assign(`/login?next=${encodeURIComponent(location.pathname + location.search)}`);
  }
  sending = false;
  keep();
  showSent();
}

function showSent() {
  const waiting = state.queue.length;
  const line = byId("sent");
  line.dataset.state = refused ? "refused" : waiting ? "kept" : state.sentAt ? "sent" : "none";
  const text = refused ? t("drills.roll.refused", { text: refused })
    : waiting ? t("drills.roll.kept", { n: waiting })
    : state.sentAt ? t("drills.roll.sent", { time: clock(state.sentAt, true) })
    : state.drill && state.drill.classes.length === 0 ? t("drills.roll.nolist")
    : t("drills.roll.idle"); // prettier-ignore
  say(line, text);
}

byId("arrived").addEventListener("click", () => {
  state.arrived[state.chosen] = server.now();
  tell("arrived");
  show();
});
byId("other").addEventListener("click", () => choose(null));
form.addEventListener("input", missing);
form.addEventListener("click", (event) => {
  const { step, for: name } = event.target.dataset;
  if (!step) return;
  const field = form.elements[name];
  const from = field.value === "" ? (name === "present" ? Number(form.elements.expected.value) - Number(form.elements.excused.value) + (step === "1" ? -1 : 1) : 0) : Number(field.value);
  field.value = Math.max(0, from + Number(step));
  missing();
});
form.addEventListener("submit", (event) => {
  event.preventDefault();
  if ((missing() ?? -1) < 0) return;
  const fields = numbers();
  state.told[state.chosen] = fields;
  tell("reported", fields);
  show();
});
window.addEventListener("online", send);
setInterval(send, 2000);
setInterval(listen, 60_000);
listen();
read();
show();
