// The record page: save what is filled in, print.
import { Refused } from "/static/api.js";
import { say } from "/static/element.js";
import { Live } from "/static/live.js";
import { t } from "/static/text.js";

const id = document.getElementById("record").dataset.id;
const form = document.getElementById("fields");
const csrf = document.querySelector('meta[name="csrf"]').content;

new Live();
document.getElementById("print").addEventListener("click", () => window.print());
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    const answer = await fetch(`/api/v1/drills/${id}/record`, {
      method: "PUT",
      credentials: "same-origin",
      headers: { "Content-Type": "application/json", "X-CSRF-Token": csrf },
      body: JSON.stringify(Object.fromEntries(new FormData(form))),
      signal: AbortSignal.timeout(8000),
    });
    if (!answer.ok) throw new Refused(answer.status, (await answer.json().catch(() => null))?.detail ?? `HTTP ${answer.status}`);
    location.reload();
  } catch (e) {
    say(form.querySelector(".failed"), t("drills.failed", { text: e.message }));
  }
});
