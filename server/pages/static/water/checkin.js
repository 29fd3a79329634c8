// A patrol's visit on a phone: kept on the phone first, sent when there is a way, recorded once however often it is sent.
import { post } from "/static/api.js";
import { madeId } from "/static/drills/ids.js";
import { Live } from "/static/live.js";
import { say } from "/static/element.js";
import { t } from "/static/text.js";

new Live();
const KEY = "patrols";
const form = document.getElementById("checkin");
const result = document.getElementById("result");
let sending = false;
let last = ""; // what was told of the newest visit the server has

const waiting = () => JSON.parse(localStorage.getItem(KEY) ?? "[]");
const keep = (visits) => localStorage.setItem(KEY, JSON.stringify(visits));

function show(state, text) {
  result.hidden = false;
  result.dataset.state = state;
  say(result, text);
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const data = new FormData(form);
  const gear = {};
  for (const box of form.querySelectorAll("[type=radio]")) gear[box.name] = data.get(box.name) === "yes";
  const body = { id: madeId("p"), token: form.dataset.token, gear, note: data.get("note").trim(), trouble: data.has("trouble") };
  keep([...waiting(), { body, said: Date.now() }]);
  form.hidden = true;
  last = "";
  send();
});

/** Send what waits, oldest first; what the server refuses for good is told and left out. */
async function send() {
  if (sending) return;
  sending = true;
  let refused = "";
  for (const visit of waiting()) {
    const age_s = Math.max(0, (Date.now() - visit.said) / 1000);
    try {
      last = told(await post("/api/v1/water/checkin", { ...visit.body, age_s }));
    } catch (e) {
      const hopeless = e.status >= 400 && e.status < 500 && ![401, 403, 429].includes(e.status);
      if (!hopeless) break;
      refused = t("checkin.failed", { text: e.message });
    }
    keep(waiting().filter((one) => one.body.id !== visit.body.id));
  }
  sending = false;
  const left = waiting().length;
  if (refused) {
    form.hidden = false;
    show("refused", refused);
  } else if (left) show("kept", t("checkin.kept", { n: left }));
  else if (last) show("sent", last);
}

function told(answer) {
  const lines = [t("checkin.done")];
  if (answer.hazards.length) lines.push(t("checkin.hazards", { n: answer.hazards.map((n) => `#${n}`).join(" ") }));
  lines.push(answer.left.length ? t("checkin.left", { names: answer.left.join("、") }) : t("checkin.all"));
  return lines.join(" ");
}

window.addEventListener("online", send);
setInterval(() => waiting().length && send(), 3000);
if (waiting().length) send();
