// Make this device a screen at a post: spend the code that stands behind the # of the address, or is typed.
import { t } from "/static/text.js";
import { post } from "/static/api.js";

const code = document.getElementById("code");
code.value = decodeURIComponent(location.hash.slice(1));
history.replaceState(null, "", location.pathname); // the code is not left in the history

document.getElementById("kiosk").addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    await post("/api/v1/kiosks/session", { code: code.value });
    location.replace("/");
  } catch (error) {
    document.getElementById("wrong").textContent = error.status === 401 ? t("kiosk.wrong") : error.message;
  }
});
