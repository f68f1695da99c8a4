// How a message shows what somebody wrote: in quotation marks, on one line, short, and without a character that a terminal would obey.

const longest = 80;

/** Everything a terminal or a reader could be fooled by: control, direction and zero-width characters, halves of a pair. */
const unsafe =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\uffff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

const named: Record<string, string> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** The text on one line, with what cannot be shown escaped. */
export function printable(text: string): string {
  return text.replaceAll(unsafe, (character) => named[character] ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** `“web”`: clipped where it is long. */
export function quote(text: string): string {
  return `“${clip(text, longest)}”`;
}

/** Printable and at most about `length` characters. */
export function clip(text: string, length: number): string {
  const shown = printable(text.length > 4 * length ? text.slice(0, 4 * length) : text);
  return shown.length > length || text.length > 4 * length ? `${shown.slice(0, length - 1)}…` : shown;
}
