// One hazard with its whole story.
import { t } from "/static/text.js";
import { el, say } from "/static/element.js";
import { get } from "/static/api.js";
import { Live } from "/static/live.js";
import { clock } from "/static/moments.js";
import * as sound from "/static/sound.js";

const place = document.getElementById("hazard");
const none = document.getElementById("none");

const line = (name, value) => (value ? el("div", {}, el("dt", {}, name), el("dd", {}, String(value))) : null);

function show(hazard) {
  const title = hazard.description || hazard.title || t("nav.hazard");
  const named = !hazard.place || title.includes(hazard.place) ? title : `${hazard.place} · ${title}`;
  document.title = `${named} · ${t("product")}`;
  say(document.querySelector("main h1"), named);
  const story = hazard.story ?? hazard.journal ?? hazard.steps ?? [];
  place.replaceChildren(
    el("dl", { class: "sheet" },
      line(t("hazards.number"), hazard.number),
      line(t("points.place"), hazard.place),
      line(t("hazards.found"), clock(hazard.found_at ?? hazard.opened_at ?? hazard.began_at ?? hazard.at, true)),
      line(t("hazards.grade"), hazard.grade_text || t("hazards.ungraded")),
      line(t("hazards.state"), hazard.state_text),
    ),
    el("h2", {}, t("hazards.story")),
    el("ol", { class: "story" }, ...story.map((step) => el("li", {}, el("time", {}, clock(step.at, true)), " ", step.text ?? step.action ?? "", step.by ? ` · ${step.by}` : ""))),
  ); // prettier-ignore
  none.hidden = true;
}

async function read() {
  try {
    show(await get(`/api/v1/hazards/${place.dataset.id}`));
  } catch (error) {
    say(none, error.status === 404 ? t("hazards.missing") : t("failed.load", { text: error.message }));
    none.hidden = false;
    if (error.status !== 404) setTimeout(read, 5000);
  }
}

new Live({ hazard: read, second: () => sound.keep(false) });
read();
