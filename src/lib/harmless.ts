// Text from elsewhere (a guest, a file, another machine) that people are going to read. Pure.

/** It can neither steer a terminal nor change the order of what is read; lines and tabs stay. */
export function harmless(text: string): string {
  return /^[\x20-\x7e]*$/.test(text)
    ? text
    : text.replaceAll(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g, '�');
}

/** The same on one line: it cannot pass for a further line of what it is told in. */
export function harmlessLine(text: string): string {
  return /^[\x20-\x7e]*$/.test(text) ? text : harmless(text.replaceAll(/\s*[\r\n]+\s*/g, ' ').replaceAll('\t', ' '));
}
