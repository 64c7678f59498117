// What the pointer points at. A page that changes under a resting pointer (another photo opens, a
// list grows) makes browsers report that it entered something; nobody pointed at that.

let last = null; // where the pointer was seen, on the screen
for (const kind of ["pointermove", "pointerdown"]) {
  addEventListener(kind, ({ screenX, screenY }) => (last = [screenX, screenY]), true);
}

// enter is called when the pointer moves onto the node, leave when it is there no longer.
export function pointing(node, enter, leave) {
  node.addEventListener("pointerenter", ({ screenX, screenY }) => {
    if (screenX !== last?.[0] || screenY !== last?.[1]) enter();
  });
  node.addEventListener("pointerleave", leave);
}
