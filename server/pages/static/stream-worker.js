// The one live stream of a browser, shared by its pages: a browser opens only six lines to a server over HTTP/1.1.
import { Stream } from "/static/stream.js";

const PATIENCE_MS = 3000;
const pages = new Map(); // the port of each open page and the last number it was told
let stream = null;
let reached = null; // the last number anybody was told
let tick = null;
let heard = 0;
let redialled = 0;

onconnect = ({ ports: [port] }) => {
  port.onmessage = ({ data }) => said(port, data);
};

function said(port, { what, path, last }) {
  if (what === "join") join(port, path, last);
  else if (what === "leave") leave(port);
  else if (what === "redial") redial(port);
}

function join(port, path, last) {
  pages.set(port, last ?? reached);
  if (stream === null) stream = new Stream(path, event, cut, last ?? reached);
  else if (last !== null && last < reached) stream.redial(last);
  if (tick === null) port.postMessage({ cut: "line" });
  else port.postMessage({ news: ["tick", tick, null, performance.now() - heard] });
}

/** Nobody listens any more: the server counts an open stream as an open page. */
function leave(port) {
  pages.delete(port);
  port.close();
  if (pages.size > 0) return;
  stream?.end();
  stream = tick = null;
}

/** Every page asks when the line is silent; one of them is enough. */
function redial(port) {
  const now = performance.now();
  if (now - heard > PATIENCE_MS && now - redialled > PATIENCE_MS) {
    redialled = now;
    stream?.redial();
  }
  port.postMessage({ cut: "line" }); // also tells the page that this worker lives
}

function event(name, data, n) {
  if (name === "tick") {
    tick = data;
    heard = performance.now();
  }
  if (n !== null) reached = Math.max(n, reached ?? n);
  for (const [port, last] of pages) {
    if (n !== null && last !== null && n <= last) continue;
    if (n !== null) pages.set(port, n);
    port.postMessage({ news: [name, data, n, 0] });
  }
}

function cut(why) {
  tick = null;
  for (const port of pages.keys()) port.postMessage({ cut: why });
}
