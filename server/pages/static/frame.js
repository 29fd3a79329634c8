// The frame of every page: the rooms behind one button on a phone, the whole screen on a wall.
import { t } from "/static/text.js";

const button = document.getElementById("rooms-button");
const top = button.closest(".top");

function show(open) {
  top.classList.toggle("open", open);
  button.setAttribute("aria-expanded", String(open));
}

button.addEventListener("click", () => show(button.getAttribute("aria-expanded") !== "true"));
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || !top.classList.contains("open")) return;
  show(false);
  button.focus();
});
document.addEventListener("click", (event) => {
  if (!top.contains(event.target)) show(false);
});

const full = document.getElementById("full");
full.hidden = !document.fullscreenEnabled;
full.addEventListener("click", () => (document.fullscreenElement ? document.exitFullscreen() : document.documentElement.requestFullscreen()));
document.addEventListener("fullscreenchange", () => {
  full.textContent = t(document.fullscreenElement ? "full.close" : "full.open");
});
