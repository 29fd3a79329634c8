// On every page, louder than all else: an urgent alarm nobody has taken yet, and what is really wrong in a drill's midst.
import { el } from "/static/element.js";
import { clock } from "/static/moments.js";
import { what, where } from "/static/naming.js";
import { active, incident, inOrder, unacked } from "/static/order.js";
import { arrive, keep } from "/static/sound.js";
import { t, may } from "/static/text.js";

const SHOWN = 3;
const banner = document.getElementById("real-alarm");
const onWall = document.body.dataset.room === "wall"; // there each alarm is a card with its own sound

export class RealAlarm {
  constructor(alerts) {
    this.alerts = alerts;
    this.drills = []; // what runs now, each with the alarms that are not its own signal
    this.known = new Set(); // alerts of which the server has said whether they are the drill's own signal
    this.unsure = false; // it could not be asked about the newest
    this.told = new Set(); // incidents that have sounded here
    this.urgent = false;
  }

  /** Take the server's word on the drills that run; null where it gave none. `known` are the alerts it was asked about. */
  judged(drills, known) {
    this.unsure = drills === null;
    if (drills !== null) [this.drills, this.known] = [drills, known];
    this.show();
  }

  /** Say what is wrong now; call it when alerts or drills have changed. */
  show() {
    const drilling = new Set(this.drills.map((drill) => drill.site));
    const told = this.drills.flatMap((drill) => drill.alarms.map((one) => ({ ...this.alerts.get(one.id), point: "", ...one, site: drill.site })));
    const open = [...this.alerts.values()];
    const inDrill = [...told, ...open.filter((alert) => drilling.has(alert.site) && this.#unjudged(alert))];
    const waiting = open.filter((alert) => this.#waits(alert) && !drilling.has(alert.site));
    const all = [...inDrill, ...inOrder(waiting)];
    this.urgent = all.some((alarm) => !alarm.late);
    banner.hidden = all.length === 0;
    const key = `${inDrill.length > 0 ? "drill " : ""}${all.map((alarm) => alarm.id).join(" ")}`; // a drill that begins changes the words
    if (banner.dataset.alarms === key) return;
    banner.dataset.alarms = key;
    banner.replaceChildren(...(all.length ? words(all, inDrill.length > 0) : []));
    this.#sound(all);
  }

  /** Call every second: the sound comes again until a person has taken the alarm. */
  second() {
    if (!onWall) keep(this.urgent);
  }

  /** Outside a drill it is for those who can act; the wall has its cards. */
  #waits(alert) {
    return !onWall && may("alerts.ack") && alert.severity === "critical" && active(alert) && unacked(alert) && !alert.shelved_until;
  }

  /** An alarm is taken as real until the server has said that it is the drill's own signal. */
  #unjudged(alert) {
    return this.unsure && !this.known.has(alert.id) && alert.severity === "critical" && active(alert);
  }

  #sound(all) {
    const fresh = all.filter((alarm) => !this.told.has(incident(alarm)));
    for (const alarm of fresh) this.told.add(incident(alarm));
    if (this.told.size > 500) this.told = new Set(all.map(incident));
    if (fresh.some((alarm) => !alarm.late) && !onWall) arrive("critical");
  }
}

function words(all, inDrill) {
  const lines = all.slice(0, SHOWN).map((alarm) => el("p", { class: "line", "data-alarm": alarm.id }, t("alarm.line", {
    what: what(alarm), where: where(alarm), time: clock(alarm.began_at, true),
  }))); // prettier-ignore
  const more = all.length > SHOWN ? el("p", { class: "line" }, t("broken.more", { n: all.length })) : null;
  const link = onWall ? null : el("a", { href: "/" }, t("alarm.open"));
  return [el("div", {}, el("p", { class: "head" }, t(inDrill ? "alarm.in-drill" : "alarm.real")), ...lines, more), link].filter(Boolean);
}
