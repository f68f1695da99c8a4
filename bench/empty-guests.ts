// Guests that run and never boot: their disk is empty, and what they do is not what is measured.
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import type { GuestSpec } from '../src/model/guest.ts';
import type { Image } from '../src/model/image.ts';

/** Makes them of an image in `folder`, which is returned by its name. */
export function emptyGuests(
  guests: readonly GuestSpec[],
  { folder, memoryMib }: { folder: string; memoryMib: number },
): Record<string, Image> {
  const file = join(folder, 'empty.qcow2');
  execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', file, '64M']);
  for (const guest of guests) {
    guest.image = 'empty';
    guest.memoryMib = memoryMib;
    delete guest.service;
  }
  return { empty: { file } };
}
