// How a drill went, in a few words: "达标 2:07.9".
import { t } from "/static/text.js";
import { exact } from "/static/drills/clock.js";

const WORST_FIRST = ["missed", "too-close", "met", "untimed", "no-target", "open"];

/** The verdict that a drill of several stages goes by. */
export const worst = (stages) => WORST_FIRST.find((verdict) => stages.some((s) => s.verdict === verdict)) ?? "open";

/** Its verdict and official time once it is over, else what it does now; `drill` is a row of the list. */
export function outcome(drill) {
  if (!drill.verdict) return t(`drills.phase.${drill.phase}`);
  const word = t(`drills.verdict.${drill.verdict}`);
  return drill.official_s === null ? word : `${word} ${exact(drill.official_s)}`;
}
