// The sheet of QR codes: live chain strip, and a button that prints.
import { Live } from "/static/live.js";

new Live();
document.getElementById("print")?.addEventListener("click", () => window.print());
