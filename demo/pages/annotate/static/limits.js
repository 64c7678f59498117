// How much the server takes, in letters ({name, snippet, text}), and the sides of its pictures, in
// pixels ({picture, tile}). It tells when the page opens.

export const limits = {};

export const tellLimits = (told) => Object.assign(limits, told);

// The sentence about a text that is too long, or "". Nothing is cut: who pasted it decides.
export function tooLong(text, most) {
  const letters = [...text].length; // as the server counts: a sign outside the plane is one
  const count = (number) => number.toLocaleString("en");
  return letters > most ? `${count(letters)} letters; at most ${count(most)} are taken` : "";
}

// A field of a form that says so when it holds too much; the form is not sent then.
export function bounded(field, most) {
  field.addEventListener("input", () => field.setCustomValidity(tooLong(field.value, most)));
  return field;
}
