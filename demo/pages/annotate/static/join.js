// An invitation's page. The token stands behind the # of its address: no server's log has it.

const form = document.querySelector("form");
const button = form.querySelector("button");
const said = form.querySelector(".said");
const home = new URL("../../../../", document.baseURI); // this file lies four folders below it

async function told(body) {
  let answer;
  try {
    const address = new URL("annotate/join", home);
    const headers = { "content-type": "application/json" };
    answer = await fetch(address, { method: "POST", headers, body: JSON.stringify(body) });
  } catch {
    return "The server cannot be reached.";
  }
  if (answer.ok) return "";
  const { message } = await answer.json().catch(() => ({}));
  return message ?? "The server could not answer.";
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  button.disabled = true;
  said.textContent = "";
  const { name, password } = form.elements;
  const wrong = await told({ token: location.hash.slice(1), name: name.value, password: password.value });
  if (!wrong) {
    location.replace(new URL("?tab=annotate", home));
    return;
  }
  said.textContent = wrong;
  button.disabled = false;
});
