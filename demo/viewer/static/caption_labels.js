// Places for labels on a photo.

// Rectangles [x, y, width, height], the most important first, in a stage of that size -> for each its
// place [x, y], inside the stage and clear of those before it, or null where there is no room.
export function placed(wanted, [width, height]) {
  const taken = [];
  const free = (x, y, w, h) =>
    taken.every(([a, b, c, d]) => x >= a + c || a >= x + w || y >= b + d || b >= y + h);
  return wanted.map(([left, top, wide, high]) => {
    const x = Math.max(0, Math.min(left, width - wide));
    for (let step = 0; step < 4; step += 1) {
      const y = Math.max(0, Math.min(top + step * high, height - high));
      if (!free(x, y, wide, high)) continue;
      taken.push([x, y, wide, high]);
      return [x, y];
    }
    return null;
  });
}
