// Where a server is open, a name is enough; a name that has a password (an owner's) wants it.

import { make } from "../../../web/static/dom.js";
import { post } from "./requests.js";
import { bounded, limits } from "./limits.js";

// -> the person, once somebody has come in
export function signIn(root, open) {
  if (!open) {
    const again = make("button", { type: "button", class: "main" }, "Sign in");
    again.addEventListener("click", () => location.reload()); // the server asks before the page
    const said = "You are signed out. What you drew and typed is kept.";
    root.replaceChildren(make("p", { class: "message", role: "alert" }, said), again);
    return new Promise(() => {});
  }
  return new Promise((resolve) => {
    const field = { type: "text", required: true, autocomplete: "username", id: "annotate-name" };
    const name = bounded(make("input", field), limits.name);
    const password = make("input", { type: "password", autocomplete: "current-password", id: "annotate-password" });
    const message = make("p", { class: "said", role: "alert" });
    const secret = make(
      "details",
      {},
      make("summary", {}, "My name has a password"),
      make("label", { for: "annotate-password" }, "Password"),
      password,
    );
    const form = make(
      "form",
      { class: "sign-in" },
      make("h2", {}, "Who are you?"),
      make("label", { for: "annotate-name" }, "Your name"),
      name,
      secret,
      make("button", { class: "main" }, "Begin"),
      message,
    );
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      try {
        resolve(await post("enter", { name: name.value, password: password.value || null }));
      } catch (refusal) {
        message.textContent = refusal.message;
        if (refusal.kind === "refused") secret.open = true;
      }
    });
    root.replaceChildren(form);
  });
}
