// Log in without leaving the page, and say plainly what went wrong.
import { t } from "/static/text.js";
import { say } from "/static/element.js";

const form = document.getElementById("login");
const wrong = document.getElementById("wrong");

async function enter(event) {
  event.preventDefault();
  say(wrong, "");
  const body = JSON.stringify({ name: form.elements.name.value.trim(), password: form.elements.password.value });
  let answer;
  try {
    answer = await fetch(form.action, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body,
      signal: AbortSignal.timeout(10_000),
    });
  } catch {
    return say(wrong, t("login.away"));
  }
  if (answer.ok) return location.assign(form.dataset.next);
  form.elements.password.value = "";
  form.elements.password.focus();
  if (answer.status === 401 || answer.status === 403) return say(wrong, t("login.wrong"));
  if (answer.status === 429) return say(wrong, t("login.wait", { n: answer.headers.get("Retry-After") ?? "60" }));
  say(wrong, t("login.other", { text: `HTTP ${answer.status}` }));
}

form.addEventListener("submit", enter);
