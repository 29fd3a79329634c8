// Make elements without markup strings, so that no text from outside can ever become markup.

/** Make an element: `el("p", {class: "small", "data-x": 1, onclick: f}, "text", child, null)`. */
export function el(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
  return made;
}

/** Set a text only when it changes: screen readers and layout stay quiet. */
export function say(node, text) {
  if (node && node.textContent !== text) node.textContent = text;
}

/** The mark of a severity: a shape and its word, never colour alone. */
export function mark(severity) {
  return el("span", { class: `mark ${severity}`, "aria-hidden": "true" });
}
