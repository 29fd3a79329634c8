// Add screens that stay logged in, show their one-time address, and revoke them.
import { get, post, send } from "/static/api.js";
import { el, say } from "/static/element.js";
import { Live } from "/static/live.js";
import { clock } from "/static/moments.js";
import { t } from "/static/text.js";

const list = document.getElementById("kiosks");
const shown = document.getElementById("code");
const said = document.getElementById("said");
const path = (name) => `/api/v1/kiosks/${encodeURIComponent(name)}`;

async function tried(work) {
  try {
    await work();
  } catch (error) {
    say(said, t("settings.failed", { text: error.message }));
  }
}

function showCode(name, { code }) {
  shown.hidden = false;
  shown.replaceChildren(el("p", {}, t("kiosks.open", { name })), el("p", { class: "code" }, `${location.origin}/kiosk#${code}`), el("p", { class: "small" }, t("kiosks.once")));
}

async function read() {
  const kiosks = await get("/api/v1/kiosks");
  list.replaceChildren(...kiosks.map((kiosk) => el("li", {},
    el("b", {}, kiosk.name),
    el("span", {}, t(kiosk.disabled ? "kiosks.revoked" : `kiosks.role.${kiosk.role}`)),
    el("span", { class: "small" }, clock(kiosk.created_at)),
    kiosk.disabled ? null : el("button", { type: "button", onclick: () => tried(async () => showCode(kiosk.name, await post(`${path(kiosk.name)}/code`))) }, t("kiosks.again")),
    kiosk.disabled ? null : el("button", { type: "button", onclick: () => revoke(kiosk.name) }, t("kiosks.revoke")),
  ))); // prettier-ignore
}

function revoke(name) {
  if (confirm(t("kiosks.sure", { name }))) tried(async () => { await send("DELETE", path(name)); await read(); }); // prettier-ignore
}

document.getElementById("kiosk-add").addEventListener("submit", (event) => {
  event.preventDefault();
  const name = document.getElementById("name").value.trim();
  tried(async () => {
    showCode(name, await post("/api/v1/kiosks", { name, look_only: document.getElementById("look").checked }));
    await read();
  });
});
new Live();
tried(read);
