// Rectangles whose areas are as the values, as square as can be (squarified). Pure.

export interface Rectangle {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** One for each value, which are positive and in falling order; together they fill `area`. */
export function layOut(values: readonly number[], area: Rectangle): Rectangle[] {
  const placed: Rectangle[] = [];
  let rest = area;
  let from = 0;
  let remaining = values.reduce((sum, value) => sum + value, 0);
  while (from < values.length && remaining > 0) {
    const scale = (rest.width * rest.height) / remaining;
    const side = Math.min(rest.width, rest.height);
    let to = from + 1;
    while (to < values.length && worst(values, from, to + 1, side, scale) <= worst(values, from, to, side, scale)) to++;
    const row = values.slice(from, to);
    const sum = row.reduce((total, value) => total + value, 0);
    const thickness = side === 0 ? 0 : (sum * scale) / side;
    let at = 0;
    for (const value of row) {
      const length = (value / sum) * side;
      placed.push(
        rest.width >= rest.height
          ? { x: rest.x, y: rest.y + at, width: thickness, height: length }
          : { x: rest.x + at, y: rest.y, width: length, height: thickness },
      );
      at += length;
    }
    rest =
      rest.width >= rest.height
        ? { ...rest, x: rest.x + thickness, width: Math.max(0, rest.width - thickness) }
        : { ...rest, y: rest.y + thickness, height: Math.max(0, rest.height - thickness) };
    remaining -= sum;
    from = to;
  }
  return placed;
}

/** The longest ratio of sides in a row of values[from, to). */
function worst(values: readonly number[], from: number, to: number, side: number, scale: number): number {
  let sum = 0;
  for (let index = from; index < to; index++) sum += values[index] ?? 0;
  const thickness = (sum * scale) / side;
  const ratio = (value: number) => {
    const length = (value * scale) / thickness;
    return Math.max(length / thickness, thickness / length);
  };
  return Math.max(ratio(values[from] ?? 0), ratio(values[to - 1] ?? 0));
}
