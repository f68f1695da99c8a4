// The command that does what a button does, ready to be pasted into a shell. Pure.

/** Words as a POSIX shell takes them. */
export function shellCommand(words: readonly string[]): string {
  return words.map((word) => (/^[\w./:=@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`)).join(' ');
}

export function guestCommand(verb: string, guest: string, ...options: string[]): string {
  return shellCommand(['caisson', 'guest', verb, guest, ...options]);
}
