// Ask the server, with a time-out; say in one sentence what went wrong.
import { t } from "/static/text.js";

const csrf = document.querySelector('meta[name="csrf"]')?.content ?? "";

export class Refused extends Error {
  constructor(status, text, detail = text) {
    super(text);
    this.status = status;
    this.detail = detail;
  }
}

async function ask(path, options, within = 8000, read = (response) => response.json()) {
  let response;
  try {
    response = await fetch(path, { ...options, credentials: "same-origin", signal: AbortSignal.timeout(within) });
  } catch {
    throw new Refused(0, t("card.failed.away"));
  }
  if (response.ok) return read(response).catch(() => null);
  const body = await response.json().catch(() => null);
  if (response.status === 401) throw new Refused(401, t("card.failed.session"));
  if (response.status === 403) throw new Refused(403, t("card.failed.allowed"), body?.detail);
  const detail = typeof body?.detail === "string" ? body.detail : undefined;
  throw new Refused(response.status, body?.detail?.text ?? body?.title ?? body?.detail ?? `HTTP ${response.status}`, detail);
}

export const get = (path) => ask(path, {});

/** A file, whole: so that a refusal is a sentence on the page instead of a page of its own. */
export const blob = (path, within = 120_000) => ask(path, {}, within, (response) => response.blob());

/** The server's own drawing as an element, no text of it is markup; null where it cannot be had now. */
export async function drawing(path) {
  const text = await ask(path, {}, 8000, (response) => response.text()).catch(() => null);
  const picture = text && new DOMParser().parseFromString(text, "image/svg+xml").documentElement;
  return picture?.nodeName === "svg" ? document.importNode(picture, true) : null;
}

/** Rows of a list, whether it comes bare or in pages. */
export const rows = async (path) => {
  const body = await get(path);
  return Array.isArray(body) ? body : body.items;
};

/** Send a body as JSON, or as it is where it is a file. */
export const send = (method, path, body, within = 8000) =>
  ask(
    path,
    {
    method,
    headers: { "Content-Type": body instanceof Blob ? "application/octet-stream" : "application/json", "X-CSRF-Token": csrf },
    body: body instanceof Blob ? body : JSON.stringify(body),
    },
    within,
  );

export const post = (path, body = {}, within = 8000) => send("POST", path, body, within);
export const put = (path, body = {}, within = 8000) => send("PUT", path, body, within);
