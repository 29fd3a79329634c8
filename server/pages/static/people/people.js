// Who may log in: add, change role and reach, let in no more, make a new password. A password is shown once.
import { t, may } from "/static/text.js";
import { el, say } from "/static/element.js";
import { get, post, send } from "/static/api.js";
import { Live } from "/static/live.js";
import { clock } from "/static/moments.js";

const body = document.getElementById("people").tBodies[0];
const none = document.getElementById("none");
const said = document.getElementById("said");
const once = document.getElementById("once");
const form = document.getElementById("add");
const path = (name) => `/api/v1/users/${encodeURIComponent(name)}`;
const SCREENS = new Set(["kiosk", "screen"]);

async function tried(work) {
  try {
    say(said, "");
    await work();
  } catch (error) {
    say(said, t("settings.failed", { text: error.detail || error.message }));
  }
}

function show({ name, password }) {
  once.hidden = false;
  once.replaceChildren(el("p", {}, t("people.password", { name })), el("p", { class: "code" }, password), el("p", { class: "small" }, t("people.once"))); // prettier-ignore
}

const change = (name, values) => tried(async () => { await send("PATCH", path(name), values); await read(); }); // prettier-ignore

function roleOf(user) {
  if (!form || SCREENS.has(user.role)) return t(`role.${user.role}`);
  const options = [...form.elements.role.options].map((one) => el("option", { value: one.value, selected: one.value === user.role }, one.text));
  const select = el("select", { "aria-label": t("people.role.of", { name: user.name }) }, ...options);
  select.addEventListener("change", () => change(user.name, { role: select.value }));
  return select;
}

const places = (text) => text.split(/[\s,，、]+/).filter(Boolean);

function siteOf(user) {
  if (!form || SCREENS.has(user.role)) return user.reach.join(" ") === "*" ? t("people.every") : user.reach.join(" ");
  const input = el("input", { value: user.reach.join(" "), "aria-describedby": "reach-note", "aria-label": t("people.site.of", { name: user.name }) });
  input.addEventListener("change", () => change(user.name, { reach: places(input.value) }));
  return input;
}

function buttons(user) {
  if (!form || SCREENS.has(user.role)) return [];
  const renew = async () => show(await post(`${path(user.name)}/password`));
  return [
    el("button", { type: "button", onclick: () => confirm(t("people.sure.password", { name: user.name })) && tried(async () => { await renew(); await read(); }) }, t("people.renew")),
    el("button", { type: "button", onclick: () => (user.disabled || confirm(t("people.sure.disable", { name: user.name }))) && change(user.name, { disabled: !user.disabled }) },
      t(user.disabled ? "people.enable" : "people.disable")),
  ]; // prettier-ignore
}

async function read() {
  const users = await get("/api/v1/users");
  body.replaceChildren(...users.map((user) => el("tr", {},
    el("td", { class: "what" }, el("b", {}, user.name)), el("td", {}, roleOf(user)), el("td", {}, siteOf(user)),
    el("td", {}, clock(user.created_at)), el("td", {}, t(user.disabled ? "people.out" : "people.in")),
    el("td", {}, el("div", { class: "steps-in" }, ...buttons(user)))))); // prettier-ignore
  say(document.getElementById("counted"), t("people.counted", { n: users.filter((user) => !user.disabled).length }));
  none.hidden = true;
}

form?.addEventListener("submit", (event) => {
  event.preventDefault();
  const given = Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, value.trim()]));
  tried(async () => {
    show(await post("/api/v1/users", { ...given, reach: places(given.reach) }));
    form.reset();
    await read();
  });
});

if (may("hazards.read")) {
  get("/api/v1/hazards/words").then(
    (words) => say(document.getElementById("sites"), words.sites.map((one) => `${one.id}（${one.zh}）`).join("、")),
    () => {}, // a list of suggestions only
  );
}
new Live();
tried(read);
