// Upload plans and put points on them: by dragging, or with the arrow keys; every change is saved at once.
import { get, send } from "/static/api.js";
import { el, mark, say } from "/static/element.js";
import { Live } from "/static/live.js";
import { t } from "/static/text.js";

const STEP = 0.01;
const place = document.getElementById("plans");
const said = document.getElementById("said");
const live = new Live({ ready: () => read() });
const key = (row) => `${row.site}/${row.agent}/${row.point}`;
const nameOf = (id) => {
  const point = live.points.get(id);
  return point ? [point.place, point.name].filter(Boolean).join(" ") : id;
};

async function tell(work, what) {
  try {
    await work();
    say(said, t("settings.saved", { what }));
  } catch (error) {
    say(said, t("settings.failed", { text: error.message }));
  }
}

async function read() {
  const { plans } = await get("/api/v1/wall");
  place.replaceChildren(...plans.map(draw));
}

function draw(plan) {
  const sheet = el("div", { class: "plan-sheet edit" }, el("img", { src: `/api/v1/wall/plans/${plan.id}/picture`, alt: plan.name, width: plan.width, height: plan.height, draggable: "false" }));
  const spots = new Map(plan.points.map((spot) => [key(spot), spot]));
  let saved = Promise.resolve(); // one after the other: the last place a key moved it to must win
  const save = () => (saved = saved.then(() => tell(() => send("PUT", `/api/v1/wall/plans/${plan.id}/points`, [...spots.values()]), plan.name)));
  const put = (spot) => sheet.append(handle(spot, sheet, save, () => { spots.delete(key(spot)); save(); fill(); })); // prettier-ignore
  const pick = el("select", { "aria-label": t("plans.point") });
  const fill = () => {
    const left = [...live.points.keys()].filter((id) => !spots.has(id)).sort((a, b) => nameOf(a).localeCompare(nameOf(b), "zh-CN"));
    pick.replaceChildren(...left.map((id) => el("option", { value: id }, nameOf(id))));
  };
  const add = () => {
    if (!pick.value) return;
    const [site, agent, point] = pick.value.split("/");
    const spot = { site, agent, point, x: 0.5, y: 0.5 };
    spots.set(pick.value, spot);
    put(spot);
    sheet.lastElementChild.focus();
    save();
    fill();
  };
  for (const spot of spots.values()) put(spot);
  fill();
  const remove = async () => {
    if (!confirm(t("plans.sure", { name: plan.name }))) return;
    await tell(() => send("DELETE", `/api/v1/wall/plans/${plan.id}`), plan.name);
    read();
  };
  return el("section", { class: "plan-edit" },
    el("h2", {}, plan.name),
    el("div", { class: "steps" }, pick, el("button", { type: "button", onclick: add }, t("plans.put")), el("button", { type: "button", onclick: remove }, t("plans.remove"))),
    el("p", { class: "small" }, t("plans.how")),
    sheet,
  ); // prettier-ignore
}

function handle(spot, sheet, save, remove) {
  const made = el("button", { type: "button", class: "spot", "aria-label": nameOf(key(spot)), title: nameOf(key(spot)) }, mark("fine"));
  const show = () => {
    made.style.left = `${spot.x * 100}%`;
    made.style.top = `${spot.y * 100}%`;
  };
  const move = (x, y) => {
    spot.x = Math.min(1, Math.max(0, x));
    spot.y = Math.min(1, Math.max(0, y));
    show();
  };
  made.addEventListener("pointerdown", (event) => made.setPointerCapture(event.pointerId));
  made.addEventListener("pointermove", (event) => {
    if (!made.hasPointerCapture(event.pointerId)) return;
    const box = sheet.getBoundingClientRect();
    move((event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height);
  });
  made.addEventListener("pointerup", save);
  made.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] }[event.key];
    if (step) {
      event.preventDefault();
      move(spot.x + step[0], spot.y + step[1]);
    } else if (event.key === "Delete") {
      made.remove();
      remove();
    }
  });
  made.addEventListener("keyup", (event) => {
    if (event.key.startsWith("Arrow")) save();
  });
  show();
  return made;
}

document.getElementById("upload").addEventListener("submit", async (event) => {
  event.preventDefault();
  const name = document.getElementById("name").value.trim();
  await tell(() => send("POST", `/api/v1/wall/plans?name=${encodeURIComponent(name)}`, document.getElementById("file").files[0]), name);
  read();
});
