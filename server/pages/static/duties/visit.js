// A patrol's page on a phone: one button; sent again until the server has it, and counted once.
import { t } from "/static/text.js";
import { say } from "/static/element.js";
import { post } from "/static/api.js";
import { Live } from "/static/live.js";

const place = document.querySelector(".visit");
const button = document.getElementById("visit");
const said = document.getElementById("said");
const id = Array.from(crypto.getRandomValues(new Uint8Array(16)), (n) => n.toString(16).padStart(2, "0")).join("");

async function visit() {
  button.disabled = true;
  try {
    const done = await post(`/api/v1/duties/checkpoints/${place.dataset.token}/visits`, { id });
    say(said, t("duties.patrol.done", { name: done.name, time: new Date().toTimeString().slice(0, 5) }));
  } catch (error) {
    say(said, error.status ? error.detail || error.message : t("duties.patrol.again"));
    button.disabled = Boolean(error.status);
    if (!error.status) setTimeout(visit, 3000); // no network in this corner: it is sent as soon as there is one
  }
}

button?.addEventListener("click", visit);
new Live();
