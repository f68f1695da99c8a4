// Maps of a document that nobody has checked yet.

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The entries of a map inside a map; none where one of them is missing or something else. */
export function entriesOf(value: unknown, key: string): [string, unknown][] {
  const holder = isRecord(value) && Object.hasOwn(value, key) ? value[key] : undefined;
  return isRecord(holder) ? Object.entries(holder) : [];
}
