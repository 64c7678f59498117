// A form that stands alone, before anybody is signed in: what the server says against it is told, and
// the button comes back.

async function refusal(request) {
  let answer;
  try {
    answer = await request();
  } catch {
    return "The server cannot be reached.";
  }
  if (answer.ok) return "";
  const { message } = await answer.json().catch(() => ({}));
  return message ?? "The server could not answer.";
}

// request(form): a promise of the answer; taken(): it was let through; refused(form): it was not.
export function sends(request, taken, refused = () => {}) {
  const form = document.querySelector("form");
  const button = form.querySelector("button");
  const said = form.querySelector(".said");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    said.textContent = "";
    const wrong = await refusal(() => request(form));
    if (!wrong) {
      taken();
      return;
    }
    said.textContent = wrong;
    button.disabled = false;
    refused(form);
  });
}
