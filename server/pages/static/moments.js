// Instants and ages in words people use.
import { t, language } from "/static/text.js";

const two = (n) => String(n).padStart(2, "0");

/** "14:03", or "11-23 14:03" when it was another day. */
export function clock(at, seconds = false) {
  if (!at) return t("chain.unknown");
  const d = new Date(at);
  const today = new Date().toDateString() === d.toDateString();
  const time = `${two(d.getHours())}:${two(d.getMinutes())}${seconds ? `:${two(d.getSeconds())}` : ""}`;
  return today ? time : `${two(d.getMonth() + 1)}-${two(d.getDate())} ${time}`;
}

/** As it is spoken: "14点02分" in Chinese. */
export function spoken(at) {
  const d = new Date(at);
  return language === "zh-CN" ? `${d.getHours()}点${two(d.getMinutes())}分` : clock(at);
}

function split(seconds) {
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return ["s", s];
  if (s < 3600) return ["min", Math.floor(s / 60)];
  if (s < 172800) return ["h", Math.floor(s / 3600)];
  return ["d", Math.floor(s / 86400)];
}

/** "3 分": a bare age in seconds, for the strip and tables. */
export function age(seconds) {
  const [unit, n] = split(seconds);
  return t(`age.${unit}`, { n });
}

/** "3 分钟前" for an instant. `skew` is the server's clock minus ours, in milliseconds. */
export function ago(at, skew = 0) {
  const seconds = (Date.now() + skew - new Date(at).getTime()) / 1000;
  if (seconds < 10) return t("age.now");
  const [unit, n] = split(seconds);
  return t(`age.ago.${unit}`, { n });
}
