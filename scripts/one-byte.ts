// A bundle as text of one byte a character. The runtime keeps a program's text as long as it runs, and one “ or é among two million characters
// makes every one of them two bytes: large files it reads as ASCII, or as UTF-16.

/** The same program with every character beyond ASCII written as an escape. Those stand in strings, templates and patterns only. Pure. */
export function oneByte(code: string): string {
  const raw = /String\.raw`[^`]*?[^\0-\x7f]/.exec(code);
  if (raw) throw new Error(`String.raw would show an escape as it is written: ${raw[0].slice(-60)}`);
  return code.replaceAll(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
