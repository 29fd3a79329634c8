// Report a hazard: what and where is enough, the rest is asked at 登记.
import { t } from "/static/text.js";
import { get, post } from "/static/api.js";
import { Live } from "/static/live.js";
import { stepForm } from "/static/ledger/form.js";

const place = document.getElementById("report");

async function begin() {
  try {
    const words = await get("/api/v1/hazards/words");
    const sources = new Set(["report", "daily-check", "weekly-check", "inspection", "joint-meeting"]);
    words.options.source = words.options.source.filter((one) => sources.has(one.id));
    words.options.site = words.sites;
    words.labels.site = t("ledger.site");
    words.labels.source = t("ledger.source");
    words.three_parts = words.three_clear = words.major_needs = [];
    const fields = ["description", "place", "category", "grid", "source", ...(place.dataset.site ? [] : ["site"])];
    const step = { action: "report", text: t("ledger.report"), fields, missing: ["description", ...(place.dataset.site ? [] : ["site"])] };
    const asked = new URLSearchParams(location.search).get("source");
    const form = stepForm(step, { source: sources.has(asked) ? asked : "report", site: words.sites.length === 1 ? words.sites[0].id : "" }, words, async (given) => {
      for (const name of ["source", "site"]) if (!given[name]) delete given[name];
      const made = await post("/api/v1/hazards", given);
      location.assign(`/hazards/${made.id}`);
    }, null); // prettier-ignore
    place.replaceChildren(form);
    form.querySelector("textarea").focus();
  } catch (error) {
    place.replaceChildren(t("failed.load", { text: error.message }));
    setTimeout(begin, 5000);
  }
}

new Live();
begin();
