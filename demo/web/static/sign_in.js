// The sign-in form: whatever the server answers, it is told; who is let in sees the page they asked for.

import { sends } from "./form.js";

sends(
  (form) => fetch(new URL("login", document.baseURI), { method: "POST", body: new FormData(form) }),
  () => location.reload(),
  (form) => form.elements.password.select(),
);
