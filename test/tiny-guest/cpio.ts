// A cpio archive of the `newc` kind, as the kernel unpacks it for its first file system. Pure.

export interface CpioEntry {
  /** Without a leading slash. */
  path: string;
  /** File type and permissions, e.g. 0o100755. */
  mode: number;
  /** Content of a file, target of a link. */
  data?: Uint8Array;
}

export const folder = 0o040755;
export const program = 0o100755;
export const plainFile = 0o100644;
export const link = 0o120777;

/** Renders the archive; owners are root and times zero, so that equal entries give equal bytes. */
export function renderCpio(entries: readonly CpioEntry[]): Buffer {
  const parts: Buffer[] = [];
  for (const [index, entry] of [...entries, { path: 'TRAILER!!!', mode: 0 }].entries()) {
    const data = Buffer.from(('data' in entry ? entry.data : undefined) ?? []);
    const fields = [index + 1, entry.mode, 0, 0, 1, 0, data.length, 0, 0, 0, 0, entry.path.length + 1, 0];
    const header = `070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}`;
    parts.push(padTo4(Buffer.from(`${header}${entry.path}\0`)), padTo4(data));
  }
  return Buffer.concat(parts);
}

function padTo4(data: Buffer): Buffer {
  return Buffer.concat([data, Buffer.alloc((4 - (data.length % 4)) % 4)]);
}
