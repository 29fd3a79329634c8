// Draw zones and lines on a still: by hand or by keys; sent to the camera, which confirms or keeps the old ones.
import { get, post, put } from "/static/api.js";
import { el, say } from "/static/element.js";
import { Live } from "/static/live.js";
import { t } from "/static/text.js";
import { Canvas, svg } from "/static/water/canvas.js";
import { Trace } from "/static/water/trace.js";

new Live();
const byId = (id) => document.getElementById(id);
const [cameras, shapes, canvas, said] = ["camera", "shape", "canvas", "said"].map(byId);
let list = [];
let still = null; // the picture's size and the shapes as they are watched now
let drawn = null;
let trace = null; // a new shape while it is traced
const adders = [byId("add-zone"), byId("add-line")];
const surface = new Canvas(canvas, () => ({ still, drawn, trace, kind: current()[0], id: current()[1], name: name() }));

const path = (camera) => `/api/v1/cameras/${camera.site}/${camera.agent}/${camera.id}`;
const chosen = () => list[Number(cameras.value)];
const current = () => shapes.value.split("/");
const own = () => drawn?.drawn.find((one) => one.id === current()[1]);
const changed = () => JSON.stringify(drawn) !== JSON.stringify(still.shapes);
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
    const camera = chosen();
    still = { camera, ...(await post(`${path(camera)}/still`, {}, 12_000)) };
    drawn = structuredClone(still.shapes);
    say(said, "");
    open();
  } catch (e) {
    say(said, t("draw.failed", { text: e.detail ?? e.message }));
  } finally {
    byId("still").disabled = false;
  }
}

function open() {
  endTrace();
  listShapes();
  if (shapes.options.length === 0) say(said, t("draw.noshapes"));
  surface.open(still);
  still.image = ""; // shown once
  draw();
}

function listShapes(select = "") {
  const mine = new Set(drawn.drawn.map((one) => one.id));
  const option = (kind, key) => (one) => el("option", { value: `${kind}/${one.id}` }, t(key, { name: one.name }));
  const all = (kind, one) => [
    ...still.camera[kind].filter(({ id }) => id in drawn[kind] && !mine.has(id)),
    ...drawn.drawn.filter((shape) => shape.kind === one),
  ];
  shapes.replaceChildren(...all("zones", "zone").map(option("zones", "draw.zone")), ...all("lines", "line").map(option("lines", "draw.line")));
  if (select) shapes.value = select;
  shapes.disabled = shapes.options.length === 0;
  for (const button of adders) button.disabled = false;
  byId("save").disabled = shapes.disabled && !changed();
}

function showOwn() {
  const shape = trace ? undefined : own();
  byId("own").hidden = !shape;
  if (!shape) return;
  for (const label of document.querySelectorAll("#own [data-for]")) label.hidden = label.dataset.for !== shape.kind;
  say(byId("own-id"), shape.id);
  for (const [id, value] of [["name", shape.name], ["dwell", shape.dwell_s], ["out", shape.out ?? ""], ["exit", shape.exit]]) {
    const field = byId(`own-${id}`);
    if (field.value !== String(value) && field !== document.activeElement) field.value = value;
  }
}

function begin(kind) {
  endTrace();
  trace = new Trace(kind, still, canvas, svg, (points) => finish(kind, points));
  draw();
  say(said, t(`draw.trace.${kind}`));
}

function endTrace() {
  trace?.clear();
  trace = null;
}

function finish(kind, points) {
  endTrace();
  const n = drawn.drawn.filter((one) => one.kind === kind).length + 1;
  const id = `${kind}-${Date.now().toString(36)}`;
  drawn[`${kind}s`][id] = points;
  drawn.drawn.push({ id, name: t(`draw.first.${kind}`, { n }), kind, exit: "", out: null, dwell_s: 20 });
  listShapes(`${kind}s/${id}`);
  draw();
  say(said, t("draw.traced"));
  byId("own-name").focus();
  byId("own-name").select();
}

function remove() {
  const [kind, id] = current();
  delete drawn[kind][id];
  drawn.drawn = drawn.drawn.filter((one) => one.id !== id);
  listShapes();
  draw();
  say(said, t("draw.removed"));
  byId("save").focus();
}

function edited() {
  const shape = own();
  if (!shape) return;
  shape.name = byId("own-name").value.trim();
  shape.dwell_s = Math.min(3600, Math.max(0, Number(byId("own-dwell").value) || 0));
  shape.out = byId("own-out").value || null;
  shape.exit = byId("own-exit").value.trim();
  say(shapes.selectedOptions[0], t(`draw.${shape.kind}`, { name: shape.name }));
}

function draw() {
  showOwn();
  for (const id of ["cancel", "close"]) byId(id).hidden = !trace || (id === "close" && trace.kind === "line");
  surface.draw();
}

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && trace) cancel();
});
const cancel = () => {
  const { kind } = trace;
  endTrace();
  draw();
  say(said, "");
  byId(`add-${kind}`).focus();
};
byId("cancel").addEventListener("click", cancel);
byId("close").addEventListener("click", () => trace.closable && trace.close());
byId("add-zone").addEventListener("click", () => begin("zone"));
byId("add-line").addEventListener("click", () => begin("line"));
byId("remove").addEventListener("click", remove);
byId("own").addEventListener("input", edited);
shapes.addEventListener("change", () => {
  endTrace();
  draw();
});
byId("still").addEventListener("click", take);
byId("save").addEventListener("click", async () => {
  if (drawn.drawn.some((one) => !one.name)) {
    say(said, t("draw.unnamed"));
    byId("own-name").focus();
    return;
  }
  say(said, t("draw.saving"));
  byId("save").disabled = true;
  try {
    const body = { width: still.width, height: still.height, shapes: drawn, before: still.shapes };
    still.shapes = structuredClone(await put(`${path(still.camera)}/shapes`, body, 40_000));
    say(said, t("draw.saved"));
  } catch (e) {
    say(said, t("draw.failed", { text: e.detail ?? e.message }));
  } finally {
    byId("save").disabled = false;
  }
});
start();
