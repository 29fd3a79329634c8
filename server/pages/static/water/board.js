// The water board: a tile a water, read anew when the stream says that something changed, the worst first.
import { get, post } from "/static/api.js";
import { el, say } from "/static/element.js";
import { Live } from "/static/live.js";
import { t } from "/static/text.js";
import { key, makeTile, sentence, showTile, tickTile } from "/static/water/tile.js";

const list = document.getElementById("tiles");
const none = document.getElementById("none");
const state = { tiles: [], skew: 0, busy: false, again: false, seconds: 0, dirty: false };
const told = new Map(); // water: the state that was said to screen readers last

const soon = () => read();
const live = new Live({ ready: soon, alert: soon, agent: soon, water: soon, points: () => (state.dirty = true), second });

async function read() {
  if (state.busy) {
    state.again = true;
    return;
  }
  state.busy = true;
  state.dirty = false;
  try {
    take(await get("/api/v1/water/board"));
  } catch {
    state.again = true; // the next second asks again; the chain strip says that the line is cut
  }
  setTimeout(() => {
    state.busy = false;
    if (state.again) {
      state.again = false;
      read();
    }
  }, 400);
}

function take(body) {
  state.skew = new Date(body.server_time).getTime() - Date.now();
  state.tiles = body.tiles;
  draw();
}

function draw() {
  const had = new Map([...list.children].map((node) => [node.dataset.water, node]));
  state.tiles.forEach((tile, place) => {
    const id = key(tile);
    const node = had.get(id) ?? makeTile(tile, actions);
    had.delete(id);
    showTile(node, tile, state.skew);
    if (list.children[place] !== node) list.insertBefore(node, list.children[place] ?? null);
    announce(id, tile);
  });
  for (const gone of had.values()) gone.remove();
  none.hidden = state.tiles.length > 0;
  say(none, t("water.none"));
  const count = (name) => state.tiles.filter((tile) => tile.state === name).length;
  say(document.getElementById("counted"), t("water.counted", { n: state.tiles.length, alarm: count("alarm"), present: count("present"), unknown: count("unknown") }));
}

function announce(id, tile) {
  const before = told.get(id);
  told.set(id, tile.state);
  if (before === tile.state || !["alarm", "present"].includes(tile.state)) return;
  const heard = document.getElementById("heard");
  heard.append(el("p", { role: "alert" }, sentence(tile, state.skew)));
  if (heard.childElementCount > 20) heard.firstElementChild.remove();
}

const actions = {
  send: (tile, who) => act(tile, `/api/v1/water/${tile.site}/${tile.id}/dispatch`, { id: fresh("d"), who }),
  arrived: (tile) => act(tile, "/api/v1/water/arrived", { id: tile.sent.id }),
};

const fresh = (letter) => `${letter}-${Date.now().toString(36)}-${Math.random().toString(36).slice(2, 10)}`;

async function act(tile, path, body) {
  const node = [...list.children].find((one) => one.dataset.water === key(tile));
  const failed = node.querySelector(".failed");
  node.classList.add("sending");
  try {
    take(await post(path, body));
    say(failed, "");
  } catch (e) {
    say(failed, t("water.failed", { text: e.message }));
  } finally {
    node.classList.remove("sending");
  }
}

function second() {
  state.seconds += 1;
  list.classList.toggle("stale", live.chain.pageLost);
  for (const node of list.children) tickTile(node, state.skew, live.chain.pageLost);
  if (state.seconds % 20 === 0 || (state.dirty && state.seconds % 3 === 0)) read();
}
