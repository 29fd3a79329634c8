// Texts of the page's language, as the server put them into the page.
const texts = JSON.parse(document.getElementById("texts").textContent);
export const language = document.documentElement.lang;

/** The text of a key with its placeholders filled in; the key itself where it does not exist. */
export function t(key, values = {}) {
  const found = texts[key] ?? key;
  return found.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

/** The text of `group.word`, or of `group.unknown`, or the word itself: a newer agent may know more words. */
export function word(group, name) {
  return texts[`${group}.${name}`] ?? texts[`${group}.unknown`] ?? name;
}

export const known = (key) => key in texts;

const allowed = new Set((document.body?.dataset.may ?? "").split(" "));

/** Whether this visitor may do something; the server asks again, this only spares a button that would be refused. */
export const may = (permission) => allowed.has(permission);
