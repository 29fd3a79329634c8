// The hazard ledger as a table; a row opens the whole story.
import { t, word } from "/static/text.js";
import { el, mark, say } from "/static/element.js";
import { rows } from "/static/api.js";
import { Live } from "/static/live.js";
import { clock } from "/static/moments.js";
import * as sound from "/static/sound.js";

const body = document.getElementById("hazards").tBodies[0];
const none = document.getElementById("none");
const numberOf = (hazard) => hazard.number ?? hazard.n ?? hazard.id;
let asked = false;

function cells(hazard) {
  const id = hazard.id ?? numberOf(hazard);
  const title = hazard.description || [hazard.place, hazard.name, word("kind", hazard.kind ?? "unknown")].filter(Boolean).join(" · ");
  return el("tr", {},
    el("td", { class: "number" }, el("a", { href: `/hazards/${id}` }, String(numberOf(hazard)))),
    el("td", {}, hazard.severity ? mark(hazard.severity) : null, el("a", { href: `/hazards/${id}` }, title), hazard.simulated ? el("span", { class: "tag" }, t("simulated.tag")) : null),
    el("td", {}, hazard.place || "—"),
    el("td", {}, clock(hazard.found_at ?? hazard.opened_at ?? hazard.began_at ?? hazard.at)),
    el("td", {}, hazard.grade_text || t("hazards.ungraded")),
    el("td", {}, hazard.state_text || "—"),
  ); // prettier-ignore
}

async function read() {
  if (asked) return;
  asked = true;
  try {
    const found = await rows("/api/v1/hazards");
    body.replaceChildren(...found.map(cells));
    say(document.getElementById("counted"), t("hazards.counted", { n: found.length }));
    none.hidden = found.length > 0;
    say(none, t("hazards.none"));
  } catch (error) {
    none.hidden = false;
    say(none, t("failed.load", { text: error.message }));
    setTimeout(read, 5000);
  } finally {
    asked = false;
  }
}

new Live({ hazard: read, second: () => sound.keep(false) });
read();
