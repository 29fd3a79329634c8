// A paper to print; the frame around it stays live until it is.
import { Live } from "/static/live.js";

document.getElementById("print").addEventListener("click", () => window.print());
new Live({});
