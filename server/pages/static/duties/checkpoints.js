// Checkpoints of patrols: add one, print the codes, make one void.
import { t } from "/static/text.js";
import { el, say } from "/static/element.js";
import { get, post, send } from "/static/api.js";
import { Live } from "/static/live.js";

const form = document.getElementById("add");
const said = document.getElementById("said");

async function tried(work) {
  try {
    await work();
    location.reload();
  } catch (error) {
    say(said, t("settings.failed", { text: error.detail || error.message }));
  }
}

get("/api/v1/duties/subjects").then((subjects) => form.elements.grid.append(...subjects.filter((one) => one.kind === "grid").map((one) => el("option", { value: one.id }, one.name)))); // prettier-ignore
form.addEventListener("submit", (event) => {
  event.preventDefault();
  tried(() => post("/api/v1/duties/checkpoints", Object.fromEntries(new FormData(form))));
});
for (const button of document.querySelectorAll("[data-remove]")) {
  button.addEventListener("click", () => {
    if (confirm(t("duties.checkpoint.sure"))) tried(() => send("DELETE", `/api/v1/duties/checkpoints/${button.dataset.remove}`));
  });
}
document.getElementById("print").addEventListener("click", () => print());
new Live();
