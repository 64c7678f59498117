// An invitation's page. The token stands behind the # of its address: no server's log has it.

import { sends } from "../../../web/static/form.js";

const home = new URL("../../../../", document.baseURI); // this file lies four folders below it

sends(
  (form) => {
    const { name, password } = form.elements;
    const body = { token: location.hash.slice(1), name: name.value, password: password.value };
    const headers = { "content-type": "application/json" };
    return fetch(new URL("annotate/join", home), { method: "POST", headers, body: JSON.stringify(body) });
  },
  () => location.replace(new URL("?tab=annotate", home)),
);
