// A file that an image is given.

export interface GuestFile {
  text: string;
  /** Octal. */
  mode: string;
}

export function plain(text: string): GuestFile {
  return { text, mode: '0644' };
}

export function program(text: string): GuestFile {
  return { text, mode: '0755' };
}
