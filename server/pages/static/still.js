// A page that does nothing of its own: its frame stays live, and a sheet is printed.
import { Live } from "/static/live.js";

new Live();
document.getElementById("print")?.addEventListener("click", () => window.print());
