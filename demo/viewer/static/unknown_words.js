// What a page says of the words that the model does not know.

import { visible } from "../../web/static/dom.js";

// "2 words are not known and left out: “zzyzx”, “qwop”", or nothing.
export function unknownWords({ sentence, words }) {
  const letters = Array.from(sentence);
  const found = words.filter(({ known }) => !known);
  if (!found.length) return "";
  const listed = found
    .slice(0, 5)
    .map(({ start, end }) => `“${visible(letters.slice(start, end).join("")).slice(0, 30)}”`);
  const more = found.length > 5 ? ", …" : "";
  const are = found.length === 1 ? "1 word is" : `${found.length} words are`;
  return `${are} not known and left out: ${listed.join(", ")}${more}`;
}
