// A pure function of one text whose results are remembered: for texts that are asked about again and again.

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
