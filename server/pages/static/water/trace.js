// Trace a new line or zone on the still, by taps or by keys: two points make a line, the first one again closes a zone.
import { t } from "/static/text.js";

const MOST_NUMBERS = 80;

/** One shape while it is traced; `finished` is given its points: x, y, x, y, … */
export class Trace {
  constructor(kind, { width, height }, canvas, svg, finished) {
    Object.assign(this, { kind, width, height, canvas, svg, finished, points: [], cursor: [width / 2, height / 2].map(Math.round) });
    this.radius = width / 90;
    this.draw();
  }

  /** Whether a zone may be closed now. */
  get closable() {
    return this.kind === "zone" && this.points.length >= 6;
  }

  place(x, y) {
    const at = this.inside(x, y);
    const [firstX, firstY] = this.points;
    if (this.closable && Math.hypot(at[0] - firstX, at[1] - firstY) <= 2 * this.radius) return this.close();
    const [lastX, lastY] = this.points.slice(-2);
    if ((at[0] === lastX && at[1] === lastY) || this.points.length >= MOST_NUMBERS) return;
    this.points.push(...at);
    this.cursor = at;
    if (this.kind === "line" && this.points.length === 4) this.close();
    else this.draw();
  }

  close() {
    this.clear();
    this.finished(this.points);
  }

  keyed(event) {
    const step = event.shiftKey ? 10 : 1;
    const by = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] }[event.key];
    if (by) {
      this.cursor = this.inside(this.cursor[0] + by[0], this.cursor[1] + by[1]);
      this.draw();
    } else if (event.key === "Enter" || event.key === " ") this.place(...this.cursor);
    else return;
    event.preventDefault();
  }

  inside(x, y) {
    return [Math.round(Math.min(this.width, Math.max(0, x))), Math.round(Math.min(this.height, Math.max(0, y)))];
  }

  clear() {
    for (const old of this.canvas.querySelectorAll(".trace, .cursor")) old.remove();
  }

  draw() {
    this.clear();
    const n = this.points.length / 2 + 1;
    if (n > 1) {
      this.canvas.append(this.svg("polyline", { points: this.points.join(" "), class: "trace" }));
      this.canvas.append(this.svg("circle", { cx: this.points[0], cy: this.points[1], r: this.radius, class: "trace" }));
    }
    const cross = { cx: this.cursor[0], cy: this.cursor[1], r: this.radius, class: "cursor", tabindex: 0, role: "button" };
    const node = this.svg("circle", { ...cross, "aria-label": t("draw.cursor", { n }) });
    this.canvas.append(node);
    node.focus({ preventScroll: true });
  }
}
