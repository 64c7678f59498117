// The last photos and sentences of a visit, newest first: plain data, and what is done with it.

export const MOST = 10;

// entries: [{src, name, example, file, text, beta}]; shown: what the viewer shows now, as an entry.
// A photo without a sentence is one entry, which its first sentence takes over; another beta changes
// the entry of its sentence, and what was there before comes to the front.
export function remembered(entries, shown) {
  const same = ({ src, text }) => src === shown.src && (text === shown.text || text === "");
  if (shown.text === "" && entries.some(({ src }) => src === shown.src)) return entries;
  return [shown, ...entries.filter((entry) => !same(entry))].slice(0, MOST);
}
