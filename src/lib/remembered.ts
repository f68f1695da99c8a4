// Pure functions whose results are remembered, for what is asked about again and again: of one text, or of one object that is never changed.

/** Everything is forgotten when there are `most` results: a bound, not a cache that chooses. What is given must not be changed. */
export function remembered<T>(most: number, compute: (text: string) => T): (text: string) => T {
  const known = new Map<string, T>();
  return (text) => {
    const found = known.get(text);
    if (found !== undefined || known.has(text)) return found as T;
    if (known.size >= most) known.clear();
    const value = compute(text);
    known.set(text, value);
    return value;
  };
}

/** As long as the object is there. */
export function rememberedOf<K extends object, T>(compute: (of: K) => T): (of: K) => T {
  const known = new WeakMap<K, { value: T }>();
  return (of) => {
    let found = known.get(of);
    if (!found) known.set(of, (found = { value: compute(of) }));
    return found.value;
  };
}
