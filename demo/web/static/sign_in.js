// The door's form: whatever the server answers, it is told; who is let in sees the page they asked for.

const form = document.querySelector("form");
const button = form.querySelector("button");
const said = form.querySelector(".said");

async function told(body) {
  let answer;
  try {
    answer = await fetch(new URL("login", document.baseURI), { method: "POST", body });
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
  const wrong = await told(new FormData(form));
  if (!wrong) {
    location.reload();
    return;
  }
  said.textContent = wrong;
  button.disabled = false;
  form.elements.password.select();
});
