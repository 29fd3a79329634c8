// A patrol's visit on a phone: sent until the server has it, said once however often it is sent.
import { post, Refused } from "/static/api.js";
import { Live } from "/static/live.js";
import { say } from "/static/element.js";
import { t } from "/static/text.js";

new Live();
const form = document.getElementById("checkin");
const result = document.getElementById("result");
const id = `p-${Date.now().toString(36)}-${Math.random().toString(36).slice(2, 10)}`;

function show(state, text) {
  result.hidden = false;
  result.dataset.state = state;
  say(result, text);
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const data = new FormData(form);
  const gear = {};
  for (const box of form.querySelectorAll("[type=radio]")) gear[box.name] = data.get(box.name) === "yes";
  const body = { id, token: form.dataset.token, gear, note: data.get("note").trim(), trouble: data.has("trouble") };
  const button = form.querySelector("button");
  button.disabled = true;
  try {
    done(await post("/api/v1/water/checkin", body));
  } catch (e) {
    button.disabled = false;
    show(e instanceof Refused && e.status === 0 ? "kept" : "refused", t("checkin.failed", { text: e.message }));
  }
});

function done(answer) {
  form.hidden = true;
  const lines = [t("checkin.done")];
  if (answer.hazards.length) lines.push(t("checkin.hazards", { n: answer.hazards.map((n) => `#${n}`).join(" ") }));
  lines.push(answer.left.length ? t("checkin.left", { names: answer.left.join("、") }) : t("checkin.all"));
  show("sent", lines.join(" "));
  result.focus?.();
}
