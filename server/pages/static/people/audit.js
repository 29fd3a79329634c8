// The audit: who did what, newest first, older lines on demand.
import { t, known } from "/static/text.js";
import { el, say } from "/static/element.js";
import { get } from "/static/api.js";
import { Live } from "/static/live.js";
import { clock } from "/static/moments.js";

const body = document.getElementById("audit").tBodies[0];
const none = document.getElementById("none");
const older = document.getElementById("older");
const form = document.getElementById("filter");
const PAGE = 100;
let last = null;

const words = (action) => (known(`audited.${action}`) ? t(`audited.${action}`) : action);

async function read(before = null) {
  const asked = new URLSearchParams({ limit: PAGE });
  for (const [name, value] of new FormData(form)) if (value) asked.set(name, value);
  if (before) asked.set("before", before);
  try {
    const rows = await get(`/api/v1/audit?${asked}`);
    if (!before) body.replaceChildren();
    body.append(...rows.map((row) => el("tr", {}, el("td", { class: "nowrap" }, clock(row.at, true)), el("td", {}, row.by), el("td", {}, words(row.action)),
      el("td", { class: "what" }, row.subject), el("td", {}, row.text), el("td", {}, row.address)))); // prettier-ignore
    last = rows.at(-1)?.n ?? last;
    older.hidden = rows.length < PAGE;
    none.hidden = body.rows.length > 0;
    say(none, t("audit.none"));
  } catch (error) {
    none.hidden = false;
    say(none, t("failed.load", { text: error.message }));
  }
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  read();
});
older.addEventListener("click", () => read(last));
new Live();
read();
