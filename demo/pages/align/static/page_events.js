// What the parts of the page tell each other: what the viewer shows.

const page = (root) => root.closest("[role=tabpanel]") ?? document;

// The page's viewer, when it is there: components come one after the other.
export async function viewerBeside(root) {
  for (;;) {
    const viewer = page(root).querySelector(".viewer");
    if (viewer || !root.isConnected) return viewer;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

// What can be done again: other parts fill it in.
//   send(file, {text, beta})   look at a person's photo once more
//   pick(k, text, beta)        show an example
//   file                       the person's photo that was sent last
export const again = {};

const SETTLED = 120; // ms: Gradio hands a new photo and its alignment over one after the other

// Calls act({photo, alignment}) whenever the viewer has come to show another photo, sentence or beta.
export async function whenShown(root, act) {
  const viewer = await viewerBeside(root);
  let settling = null;
  viewer?.addEventListener("shown", ({ detail }) => {
    clearTimeout(settling);
    settling = setTimeout(() => detail.photo && act(detail), SETTLED);
  });
}
