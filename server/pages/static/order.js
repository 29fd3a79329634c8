// Which card comes first: priority, then whether a person has seen it, then age. Pure functions.

const PRIORITY = { critical: 0, warning: 1, advisory: 2, fault: 3 };
const CARDS = 6;

export const unacked = (alert) => alert.state.endsWith("-unacked");
export const active = (alert) => alert.state.startsWith("active-");
const priority = (alert) => PRIORITY[alert.severity] ?? 2;
const waits = (alert) => (unacked(alert) && !alert.shelved_until ? 0 : 1);
const older = (a, b) => (a.began_at < b.began_at ? -1 : a.began_at > b.began_at ? 1 : 0);

/** Alerts in the order a gatekeeper should take them. */
export function inOrder(alerts) {
  return [...alerts].sort((a, b) => waits(a) - waits(b) || priority(a) - priority(b) || older(a, b));
}

/** Split into the cards shown and the stack below; the oldest one nobody has seen is always a card. */
export function split(alerts, places = CARDS) {
  const all = inOrder([...alerts].filter((alert) => !alert.shelved_until));
  const cards = all.slice(0, places);
  const stack = all.slice(places);
  const oldest = stack.filter((alert) => waits(alert) === 0).sort(older)[0];
  if (oldest && cards.every((card) => waits(card) === 1 || older(oldest, card) < 0)) {
    stack.splice(stack.indexOf(oldest), 1);
    stack.unshift(cards.pop());
    cards.push(oldest);
  }
  return { cards, stack };
}

/** A door that people hold open as they walk out in a drill: a card, and no sound unless it stays open. */
export const heldInDrill = ({ drill, severity, kind, reason }) =>
  drill && severity !== "critical" && (kind === "fire-door" || (kind === "door" && reason === "held"));

/** Alerts of one incident share their ledger entry, or their place: they sound once. */
export const incident = (alert) => (alert.hazard ? `hazard ${alert.hazard}` : `${alert.site} ${alert.place || alert.point}`);
