// Edit what to do when a kind of hazard comes, in the language the page is in.
import { setAdvice, lines, shippedText } from "/static/advice.js";
import { get, send } from "/static/api.js";
import { el, say } from "/static/element.js";
import { Live } from "/static/live.js";
import { t, language, word } from "/static/text.js";

const form = document.getElementById("advice");
const kind = document.getElementById("kind");
const text = document.getElementById("text");
const said = document.getElementById("said");

kind.append(...form.dataset.kinds.split(" ").map((one) => el("option", { value: one }, word("kind", one))));
kind.value = location.hash.slice(1) || kind.value;

const show = () => {
  text.value = lines(kind.value).join("\n");
};

async function read() {
  setAdvice((await get(`/api/v1/wall?lang=${language}`)).advice);
  show();
}

async function write(content) {
  try {
    await send("PUT", `/api/v1/wall/advice/${kind.value}`, { language, text: content });
    await read();
    say(said, t("settings.saved", { what: word("kind", kind.value) }));
  } catch (error) {
    say(said, t("settings.failed", { text: error.message }));
  }
}

kind.addEventListener("change", show);
form.addEventListener("submit", (event) => {
  event.preventDefault();
  // What is as it was shipped stays shipped: a later version may say it better.
  write(text.value.trim() === shippedText(kind.value) ? "" : text.value);
});
document.getElementById("shipped").addEventListener("click", () => write(""));
new Live();
read().catch((error) => say(said, t("settings.failed", { text: error.message })));
