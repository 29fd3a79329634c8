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

async function ask(path, options, within = 8000) {
  let response;
  try {
    response = await fetch(path, { ...options, credentials: "same-origin", signal: AbortSignal.timeout(within) });
  } catch {
    throw new Refused(0, t("card.failed.away"));
  }
  const body = await response.json().catch(() => null);
  if (response.ok) return body;
  if (response.status === 401) throw new Refused(401, t("card.failed.session"));
  if (response.status === 403) throw new Refused(403, t("card.failed.allowed"), body?.detail);
  const detail = typeof body?.detail === "string" ? body.detail : undefined;
  throw new Refused(response.status, body?.detail?.text ?? body?.title ?? body?.detail ?? `HTTP ${response.status}`, detail);
}

export const get = (path) => ask(path, {});

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
