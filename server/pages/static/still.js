// A page that does nothing of its own: its frame stays live, a sheet is printed, a wide plot is shown from its newest end.
import { Live } from "/static/live.js";

new Live();
document.getElementById("print")?.addEventListener("click", () => window.print());
document.querySelector(".plot-sheet")?.scrollTo({ left: 10_000 });
