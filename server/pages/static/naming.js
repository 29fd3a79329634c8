// What an alert is called: where it is, what it is, and the sentence to say into the phone.
import { t, word, known } from "/static/text.js";
import { spoken } from "/static/moments.js";

/** "教学楼A 三层东 · 烟感": the name is not repeated where it holds the place already. */
export function where(alert) {
  const own = `own.${alert.point.slice(1)}`; // the server's own parts have no name from a birth
  const { place, name } = alert.agent === "server" && known(own) ? { place: "", name: t(own) } : alert;
  if (!place) return name || alert.point;
  return !name || name.startsWith(place) ? name || place : `${place} · ${name}`;
}

/** What is wrong there; of a fault the reason too. */
export function what(alert) {
  const kind = word("kind", alert.kind);
  const reason = known(`reason.${alert.reason}`) ? t(`reason.${alert.reason}`) : "";
  return alert.kind === "fault" && reason ? `${kind}：${reason}` : kind;
}

/** The sentence to read into the phone. */
export const sentence = (alert) =>
  t("card.sentence", { where: [alert.place, alert.name].filter(Boolean).join(" "), what: what(alert), time: spoken(alert.began_at) });
