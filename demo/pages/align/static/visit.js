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

// Calls act({photo, alignment}) whenever the viewer shows another photo, sentence or beta.
export async function whenShown(root, act) {
  const viewer = await viewerBeside(root);
  viewer?.addEventListener("shown", ({ detail }) => detail.photo && act(detail));
}
