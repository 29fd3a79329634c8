// The picture in which shapes are drawn: shows them, and lets the corners of the chosen one be moved by hand or by keys.
import { t } from "/static/text.js";

export const svg = (tag, properties) => {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(properties)) node.setAttribute(name, value);
  return node;
};

/** `now()` gives what is drawn: { still, drawn, kind, id, name, trace }; `kind` and `id` of the chosen shape. */
export class Canvas {
  constructor(root, now) {
    this.root = root;
    this.now = now;
    this.held = null; // the corner a finger holds
    root.addEventListener("pointerdown", (event) => this.#press(event));
    root.addEventListener("pointermove", (event) => this.#pull(event));
    root.addEventListener("pointerup", () => (this.held = null));
    root.addEventListener("keydown", (event) => this.#keyed(event));
  }

  /** Show a picture, once: nothing keeps it afterwards. */
  open(still) {
    this.root.setAttribute("viewBox", `0 0 ${still.width} ${still.height}`);
    this.root.replaceChildren(svg("image", { href: `data:image/jpeg;base64,${still.image}`, width: still.width, height: still.height }));
    this.root.removeAttribute("hidden");
  }

  draw(focus = null) {
    for (const old of this.root.querySelectorAll(".shape, circle[data-i]")) old.remove();
    const { still, drawn, kind, id, name, trace } = this.now();
    for (const group of ["zones", "lines"]) {
      for (const [key, points] of Object.entries(drawn[group])) {
        const mine = !trace && group === kind && key === id;
        this.root.append(svg(group === "zones" ? "polygon" : "polyline", { points: points.join(" "), class: mine ? "shape" : "shape other" }));
      }
    }
    if (trace) trace.draw(); // above the others
    if (!id || trace) return;
    const points = drawn[kind][id];
    for (let i = 0; i < points.length; i += 2) {
      const dot = svg("circle", { cx: points[i], cy: points[i + 1], r: still.width / 90, tabindex: 0, role: "button", "data-i": i, "aria-label": t("draw.handle", { name, n: i / 2 + 1 }) });
      this.root.append(dot);
      if (i === focus) dot.focus();
    }
  }

  #points() {
    const { drawn, kind, id } = this.now();
    return drawn[kind][id];
  }

  #move(i, x, y) {
    const { still } = this.now();
    const points = this.#points();
    points[i] = Math.round(Math.min(still.width, Math.max(0, x)));
    points[i + 1] = Math.round(Math.min(still.height, Math.max(0, y)));
    this.draw(i);
  }

  #at(event) {
    return new DOMPoint(event.clientX, event.clientY).matrixTransform(this.root.getScreenCTM().inverse());
  }

  #press(event) {
    const { trace } = this.now();
    if (trace) {
      event.preventDefault(); // the cross keeps the keys
      const { x, y } = this.#at(event);
      trace.place(x, y);
      return;
    }
    this.held = event.target.dataset?.i === undefined ? null : Number(event.target.dataset.i);
    if (this.held !== null) this.root.setPointerCapture(event.pointerId);
  }

  #pull(event) {
    if (this.held === null) return;
    const at = this.#at(event);
    this.#move(this.held, at.x, at.y);
  }

  #keyed(event) {
    const { trace, kind } = this.now();
    if (trace) return trace.keyed(event);
    const i = Number(event.target.dataset?.i ?? NaN);
    if (Number.isNaN(i)) return;
    const step = event.shiftKey ? 10 : 1;
    const by = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] }[event.key];
    const points = this.#points();
    if (by) this.#move(i, points[i] + by[0], points[i + 1] + by[1]);
    else if (event.key === "Insert" && kind === "zones" && points.length < 80) {
      const next = (i + 2) % points.length;
      points.splice(i + 2, 0, Math.round((points[i] + points[next]) / 2), Math.round((points[i + 1] + points[next + 1]) / 2));
      this.draw(i + 2);
    } else if (event.key === "Delete" && kind === "zones" && points.length > 6) {
      points.splice(i, 2);
      this.draw(Math.max(0, i - 2));
    } else return;
    event.preventDefault();
  }
}
