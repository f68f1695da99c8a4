/** Lines of at most `width` characters, broken between words; what hangs below an arrow is indented like its text. Pure. */
export function wrapText(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(/[ \n\t]+/)) {
    const last = lines.at(-1);
    if (last === undefined || last.length + 1 + word.length > width)
      lines.push(lines.length > 0 && text.startsWith('→') ? `  ${word}` : word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines;
}
