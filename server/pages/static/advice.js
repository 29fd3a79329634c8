// What to do: the school's own words where it has written some, else the shipped ones. First line on the card, all in a dialog.
import { t, known, word } from "/static/text.js";
import { el } from "/static/element.js";

let own = {};
export const setAdvice = (texts) => {
  own = texts;
};

const shipped = (kind) => [word("do", kind), known(`steps.${kind}`) ? t(`steps.${kind}`) : ""].filter(Boolean).join("\n");

/** Everything to do for a kind, line by line. */
export const lines = (kind) => (own[kind] ?? shipped(kind)).split("\n").map((line) => line.trim()).filter(Boolean); // prettier-ignore
export const firstLine = (kind) => lines(kind)[0] ?? "";
export const shippedText = shipped;

/** Open the card of a kind: large numbered steps, and the sentence for the telephone. */
export function showAdvice(title, kind, sentence) {
  const dialog = el("dialog", { class: "ask advice", "aria-labelledby": "advice-title" },
    el("form", { method: "dialog" },
      el("p", { class: "small" }, t("advice.card")),
      el("h2", { id: "advice-title" }, title),
      el("ol", {}, ...lines(kind).map((line) => el("li", {}, line))),
      el("p", { class: "say" }, el("b", {}, t("card.say")), " ", el("q", {}, sentence)),
      el("div", { class: "steps" }, el("button", { class: "first", autofocus: true }, t("advice.close"))),
    ),
  ); // prettier-ignore
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}
