// What QEMU said on standard error before it ended → a sentence for people. Pure.

const maxLength = 500;

/**
 * The last message with the hints after it, without time, program and the option that it is about (a line of JSON that says
 * nothing to a reader); empty when there is none.
 */
export function lastWords(said: string): string {
  const lines = said.trim().split('\n');
  const start = lines.findLastIndex((line) => prefix.test(line));
  const text = lines
    .slice(Math.max(start, 0))
    .map((line) =>
      line
        .replace(prefix, '')
        .replace(/^-\w+ \{.*\}: /, '')
        .trim(),
    )
    .filter((line) => line !== '')
    .join('; ');
  return text.length > maxLength ? `${text.slice(0, maxLength)}…` : text;
}

const prefix = /^(\d{4}-\d\d-\d\dT\S+ )?qemu(-system-\w+)?: /;
