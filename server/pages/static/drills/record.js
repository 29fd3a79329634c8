// The record page: save what is filled in, print.
import { put } from "/static/api.js";
import { say } from "/static/element.js";
import { Live } from "/static/live.js";
import { t } from "/static/text.js";

const id = document.getElementById("record").dataset.id;
const form = document.getElementById("fields");

new Live();
document.getElementById("print").addEventListener("click", () => window.print());
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    await put(`/api/v1/drills/${id}/record`, Object.fromEntries(new FormData(form)));
    location.reload();
  } catch (e) {
    say(form.querySelector(".failed"), t("drills.failed", { text: e.detail }));
  }
});
