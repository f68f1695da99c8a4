// Bounds a log that another process appends to. QEMU writes a guest's console without an end, so a guest could fill the disk
// of its host; QEMU opens the log for appending, so cutting it short under it is safe.
import { open } from 'node:fs/promises';

const maxBytes = 8 * 1024 * 1024;
const keptBytes = 1024 * 1024;

/** Keeps the last part of a log that has grown too large; what is written in that very moment may be lost. */
export async function trimLog(path: string, limits = { maxBytes, keptBytes }): Promise<void> {
  const file = await open(path, 'r+').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (!file) return;
  try {
    const { size } = await file.stat();
    if (size <= limits.maxBytes) return;
    const { buffer, bytesRead } = await file.read(Buffer.alloc(limits.keptBytes), 0, limits.keptBytes, size - limits.keptBytes);
    await file.truncate(0);
    await file.write(buffer.subarray(0, bytesRead), 0, bytesRead, 0);
  } finally {
    await file.close();
  }
}
