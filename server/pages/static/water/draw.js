// Draw zones and lines on a still: by hand or by keys; sent to the camera, which confirms or keeps the old ones.
import { get, post, put } from "/static/api.js";
import { el, say } from "/static/element.js";
import { Live } from "/static/live.js";
import { t } from "/static/text.js";

new Live();
const byId = (id) => document.getElementById(id);
const [cameras, shapes, canvas, said] = ["camera", "shape", "canvas", "said"].map(byId);
let list = [];
let still = null; // the picture's size and the shapes as they are watched now
let drawn = null;
const svg = (tag, properties) => {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(properties)) node.setAttribute(name, value);
  return node;
};

const path = (camera) => `/api/v1/cameras/${camera.site}/${camera.agent}/${camera.id}`;
const chosen = () => list[Number(cameras.value)];
const current = () => shapes.value.split("/");
const numbers = () => drawn[current()[0]][current()[1]];
const name = () => shapes.selectedOptions[0]?.textContent ?? "";

async function start() {
  list = await get("/api/v1/cameras").catch((e) => (say(said, e.message), []));
  cameras.replaceChildren(...list.map((one, i) => el("option", { value: String(i) }, `${one.name} ${one.place}`)));
  byId("still").disabled = list.length === 0;
  if (list.length === 0 && !said.textContent) say(said, t("draw.none"));
}

async function take() {
  say(said, t("draw.asking"));
  byId("still").disabled = true;
  try {
    still = await post(`${path(chosen())}/still`, {}, 12_000);
    drawn = structuredClone(still.shapes);
    open();
    say(said, "");
  } catch (e) {
    say(said, t("draw.failed", { text: e.detail ?? e.message }));
  } finally {
    byId("still").disabled = false;
  }
}

function open() {
  const camera = chosen();
  const option = (kind, key) => (one) => el("option", { value: `${kind}/${one.id}` }, t(key, { name: one.name }));
  shapes.replaceChildren(...camera.zones.map(option("zones", "draw.zone")), ...camera.lines.map(option("lines", "draw.line")));
  const any = shapes.options.length > 0;
  shapes.disabled = byId("save").disabled = !any;
  if (!any) say(said, t("draw.noshapes"));
  canvas.setAttribute("viewBox", `0 0 ${still.width} ${still.height}`);
  canvas.replaceChildren(svg("image", { href: `data:image/jpeg;base64,${still.image}`, width: still.width, height: still.height }));
  still.image = ""; // shown once
  canvas.removeAttribute("hidden");
  draw();
}

function draw(focus = null) {
  for (const old of canvas.querySelectorAll(".shape, circle")) old.remove();
  const [kind, id] = current();
  for (const group of ["zones", "lines"]) {
    for (const [key, points] of Object.entries(drawn[group])) {
      const mine = group === kind && key === id;
      canvas.append(svg(group === "zones" ? "polygon" : "polyline", { points: points.join(" "), class: mine ? "shape" : "shape other" }));
    }
  }
  if (!id) return;
  const radius = still.width / 90;
  for (let i = 0; i < numbers().length; i += 2) {
    const dot = svg("circle", { cx: numbers()[i], cy: numbers()[i + 1], r: radius, tabindex: 0, role: "button", "data-i": i, "aria-label": t("draw.handle", { name: name(), n: i / 2 + 1 }) });
    canvas.append(dot);
    if (i === focus) dot.focus();
  }
}

function move(i, x, y) {
  numbers()[i] = Math.round(Math.min(still.width, Math.max(0, x)));
  numbers()[i + 1] = Math.round(Math.min(still.height, Math.max(0, y)));
  draw(i);
}

function keyed(event) {
  const i = Number(event.target.dataset?.i ?? NaN);
  if (Number.isNaN(i)) return;
  const step = event.shiftKey ? 10 : 1;
  const by = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] }[event.key];
  const points = numbers();
  if (by) move(i, points[i] + by[0], points[i + 1] + by[1]);
  else if (event.key === "Insert" && current()[0] === "zones" && points.length < 80) {
    const next = (i + 2) % points.length;
    points.splice(i + 2, 0, Math.round((points[i] + points[next]) / 2), Math.round((points[i + 1] + points[next + 1]) / 2));
    draw(i + 2);
  } else if (event.key === "Delete" && current()[0] === "zones" && points.length > 6) {
    points.splice(i, 2);
    draw(Math.max(0, i - 2));
  } else return;
  event.preventDefault();
}

let held = null;
canvas.addEventListener("pointerdown", (event) => {
  held = event.target.dataset?.i === undefined ? null : Number(event.target.dataset.i);
  if (held !== null) canvas.setPointerCapture(event.pointerId);
});
canvas.addEventListener("pointermove", (event) => {
  if (held === null) return;
  const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(canvas.getScreenCTM().inverse());
  move(held, at.x, at.y);
});
canvas.addEventListener("pointerup", () => (held = null));
canvas.addEventListener("keydown", keyed);
shapes.addEventListener("change", () => draw());
byId("still").addEventListener("click", take);
byId("save").addEventListener("click", async () => {
  say(said, t("draw.saving"));
  byId("save").disabled = true;
  try {
    const body = { width: still.width, height: still.height, shapes: drawn, before: still.shapes };
    still.shapes = structuredClone(await put(`${path(chosen())}/shapes`, body, 40_000));
    say(said, t("draw.saved"));
  } catch (e) {
    say(said, t("draw.failed", { text: e.detail ?? e.message }));
  } finally {
    byId("save").disabled = false;
  }
});
start();
