// Guests that wait for each other in a circle. Without recursion: a site file may hold a chain of any length.

/**
 * One circle for each knot of names that wait for each other, beginning with its name that comes first; empty when there is an order.
 * Names that are waited for but are no key are ignored.
 */
export function findCircles(after: ReadonlyMap<string, readonly string[]>): string[][] {
  const knots = inKnots(after);
  const circles: string[][] = [];
  const walked = new Set<string>();
  for (const start of after.keys()) {
    if (!knots.has(start) || walked.has(start)) continue;
    // Every name here waits for another one here, so a walk ends where it has been before.
    const path = new Map<string, number>();
    let name = start;
    while (!path.has(name) && !walked.has(name)) {
      path.set(name, path.size);
      name = after.get(name)?.find((other) => knots.has(other)) ?? name;
    }
    if (path.has(name)) circles.push(fromFirst([...path.keys()].slice(path.get(name)), after));
    for (const step of path.keys()) walked.add(step);
  }
  return circles;
}

/** The names that cannot be put in order: what remains when, again and again, those are taken away that wait for nobody. */
function inKnots(after: ReadonlyMap<string, readonly string[]>): Set<string> {
  const waiting = new Map<string, number>();
  const followers = new Map<string, string[]>();
  for (const [name, others] of after) {
    const known = [...new Set(others)].filter((other) => after.has(other));
    waiting.set(name, known.length);
    for (const other of known) pushTo(followers, other, name);
  }
  const free = [...after.keys()].filter((name) => waiting.get(name) === 0);
  for (let name = free.pop(); name !== undefined; name = free.pop()) {
    for (const follower of followers.get(name) ?? []) {
      const left = (waiting.get(follower) ?? 0) - 1;
      waiting.set(follower, left);
      if (left === 0) free.push(follower);
    }
  }
  return new Set([...after.keys()].filter((name) => (waiting.get(name) ?? 0) > 0));
}

function fromFirst(circle: string[], after: ReadonlyMap<string, readonly string[]>): string[] {
  const members = new Set(circle);
  const first = [...after.keys()].find((name) => members.has(name)) ?? circle[0];
  const at = circle.indexOf(first as string);
  return [...circle.slice(at), ...circle.slice(0, at)];
}

function pushTo(map: Map<string, string[]>, key: string, value: string): void {
  const list = map.get(key);
  if (list) list.push(value);
  else map.set(key, [value]);
}
