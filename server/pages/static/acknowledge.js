// Acknowledge an alert: it counts only when the server has confirmed it.
import { t } from "/static/text.js";
import { el } from "/static/element.js";
import { post } from "/static/api.js";

/** Keeps what is being asked and what failed, by alert. `changed()` is called after each step. */
export class Acknowledgements {
  constructor(live, changed) {
    this.live = live;
    this.changed = changed;
    this.pending = new Set();
    this.failed = new Map();
  }

  send(id, comment = "") {
    return this.#ask(id, "ack", comment ? { comment } : {});
  }

  reset(id) {
    return this.#ask(id, "reset", {});
  }

  confirm(id) {
    return this.#ask(id, "confirm", {});
  }

  shelve(id, body) {
    return this.#ask(id, "shelve", body);
  }

  unshelve(id) {
    return this.#ask(id, "unshelve", {});
  }

  async #ask(id, verb, body) {
    if (this.pending.has(id)) return;
    this.pending.add(id);
    this.failed.delete(id);
    this.changed();
    try {
      const answer = await post(`/api/v1/alerts/${encodeURIComponent(id)}/${verb}`, body);
      if (answer?.id) this.live.take(answer);
    } catch (error) {
      this.failed.set(id, error.message);
    } finally {
      this.pending.delete(id);
      this.changed();
    }
  }

  /** Ask for one line, with the two usual ones ready to tap. */
  note(id, title) {
    const line = el("input", { id: "note-line", maxlength: 300, autocomplete: "off" });
    const ready = (key) => el("button", { type: "button", class: "chip", onclick: () => { line.value = t(key); line.focus(); } }, t(key)); // prettier-ignore
    const dialog = el("dialog", { class: "ask", "aria-labelledby": "note-title" },
      el("form", { method: "dialog" },
        el("h2", { id: "note-title" }, title),
        el("label", { for: "note-line" }, t("note.lead")),
        el("div", { class: "chips" }, ready("note.present"), ready("note.false")),
        line,
        el("div", { class: "steps" }, el("button", { value: "save", class: "first" }, t("note.save")), el("button", { value: "back", formnovalidate: true }, t("note.back"))),
      ),
    ); // prettier-ignore
    dialog.addEventListener("close", () => {
      dialog.remove();
      if (dialog.returnValue === "save") this.send(id, line.value.trim());
    });
    document.body.append(dialog);
    dialog.showModal();
    line.focus();
  }
}
