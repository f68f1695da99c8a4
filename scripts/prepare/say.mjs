// Words of the launcher: on standard error, so that `--json` has standard output for itself.

/** @param {string} text */
export function say(text) {
  process.stderr.write(`${text}\n`);
}

/** An ending that the user can mend: the message stands alone, without a stack. */
export class CannotGoOn extends Error {}

/** The last `count` lines that a program said, indented, for a message. */
export function lastLines(text, count = 12) {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  return lines
    .slice(-count)
    .map((line) => `    ${line}`)
    .join('\n');
}

/** `3 things`, `1 thing`. */
export function counted(count, noun) {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
