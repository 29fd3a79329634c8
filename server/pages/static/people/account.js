// One's own page: the password, and the tokens programs use in one's name.
import { t, known } from "/static/text.js";
import { el, say } from "/static/element.js";
import { get, post, put, send } from "/static/api.js";
import { Live } from "/static/live.js";
import { clock } from "/static/moments.js";

const list = document.getElementById("tokens");
const once = document.getElementById("once");
const field = (id) => document.getElementById(id);
const words = (scope) => (known(`may.${scope}`) ? t(`may.${scope}`) : scope);

field("password").addEventListener("submit", async (event) => {
  event.preventDefault();
  const said = field("changed");
  if (field("new").value !== field("again").value) return say(said, t("account.differ"));
  try {
    await put("/api/v1/session/password", { old: field("old").value, new: field("new").value, end_tokens: field("end-tokens").checked }); // prettier-ignore
    for (const id of ["old", "new", "again"]) field(id).value = "";
    say(said, t(field("end-tokens").checked ? "account.changed.tokens" : "account.changed"));
    field("end-tokens").checked = false;
    await read();
  } catch (error) {
    say(said, error.detail || error.message);
  }
});

function state(token) {
  if (token.revoked_at) return t("account.revoked", { at: clock(token.revoked_at) });
  if (new Date(token.expires_at) < new Date()) return t("account.over", { at: clock(token.expires_at) });
  return `${t("account.until", { at: clock(token.expires_at) })} · ${token.used_at ? t("account.used", { at: clock(token.used_at) }) : t("account.unused")}`;
}

async function read() {
  const tokens = await get("/api/v1/tokens");
  list.replaceChildren(...tokens.map((token) => {
    const over = token.revoked_at || new Date(token.expires_at) < new Date();
    const revoke = async () => {
      if (!confirm(t("account.sure", { name: token.name }))) return;
      try {
        await send("DELETE", `/api/v1/tokens/${token.id}`);
      } catch (error) {
        say(field("said"), error.message);
      }
      await read();
    };
    return el("li", {}, el("b", {}, token.name), el("span", {}, token.scope.map(words).join("、")), el("span", { class: "small" }, state(token)),
      over ? null : el("button", { type: "button", onclick: revoke }, t("account.revoke"))); // prettier-ignore
  }));
}

field("token").addEventListener("submit", async (event) => {
  event.preventDefault();
  const scope = [...document.querySelectorAll("#scopes input:checked")].map((box) => box.value);
  if (!scope.length) return say(field("said"), t("account.noscope"));
  try {
    const made = await post("/api/v1/tokens", { name: field("name").value, scope, days: Number(field("days").value) });
    once.hidden = false;
    once.replaceChildren(el("p", {}, t("account.shown")), el("p", { class: "code" }, made.token), el("p", { class: "small" }, "Authorization: Bearer …"));
    say(field("said"), "");
    await read();
  } catch (error) {
    say(field("said"), error.detail || error.message);
  }
});

get("/api/v1/tokens/scopes").then((scopes) => field("scopes").replaceChildren(
  ...scopes.map((scope) => el("label", {}, el("input", { type: "checkbox", value: scope }), words(scope))))); // prettier-ignore
new Live();
read();
