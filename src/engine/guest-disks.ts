// A guest's disks: made once, grown when asked, shown as they are.
import { CaissonError } from '../lib/errors.ts';
import type { GuestRecord } from '../model/guest-status.ts';
import type { GuestBoard } from './guest-board.ts';
import type { EngineParts } from './parts.ts';
import type { SiteStore } from './site-store.ts';

export interface DiskParts {
  parts: Pick<EngineParts, 'guestFiles'>;
  site: SiteStore;
  board: GuestBoard;
}

/** Makes disks that were never made, grows those that shall be larger; one that was made and is gone is an error. */
export async function ensureDisks(w: DiskParts, record: GuestRecord, image: { digest: string; path: string }): Promise<GuestRecord> {
  const { parts, site } = w;
  const owner = { uid: record.uid, userId: record.userId };
  const made = new Set(record.disksMade);
  for (const [name, disk] of Object.entries(record.spec.disks)) {
    const found = await parts.guestFiles.disk(record.uid, name);
    if (found && !made.has(name)) {
      // Made by a start that died before it could say so.
      made.add(name);
    } else if (!found && made.has(name)) {
      throw gone(parts, record, name);
    } else if (!found) {
      if (name === 'root') await parts.guestFiles.createRootDisk(owner, image.path, disk.sizeMib);
      else await parts.guestFiles.createDisk(owner, name, disk.sizeMib);
      made.add(name);
    } else if (found.sizeBytes < disk.sizeMib * 1024 * 1024) {
      await parts.guestFiles.growDisk(record.uid, name, disk.sizeMib);
    }
  }
  const imageDigest = record.imageDigest ?? image.digest;
  const same = record.imageDigest === imageDigest && made.size === record.disksMade.length;
  const updated = same ? record : await site.updateGuest(record.uid, { imageDigest, disksMade: [...made] });
  await refreshDisks(w, updated);
  return updated;
}

/** A disk beside the root disk, made when it never was; without a look at the others, for a guest that runs. */
export async function ensureExtraDisk({ parts, site }: DiskParts, record: GuestRecord, name: string): Promise<GuestRecord> {
  const disk = record.spec.disks[name];
  if (!disk || name === 'root') throw new CaissonError('internal', `guest ${record.name} is to have no extra disk ${name}`);
  const found = await parts.guestFiles.disk(record.uid, name);
  if (!found && record.disksMade.includes(name)) throw gone(parts, record, name);
  if (!found) await parts.guestFiles.createDisk({ uid: record.uid, userId: record.userId }, name, disk.sizeMib);
  else if (found.sizeBytes < disk.sizeMib * 1024 * 1024) await parts.guestFiles.growDisk(record.uid, name, disk.sizeMib);
  if (record.disksMade.includes(name)) return record;
  return site.updateGuest(record.uid, { disksMade: [...record.disksMade, name] });
}

function gone(parts: DiskParts['parts'], record: GuestRecord, name: string): CaissonError {
  return new CaissonError(
    'missing',
    `disk “${name}” of guest ${record.name} is gone: ${parts.guestFiles.folders(record.uid).data}/${name}.qcow2 was made and is not there; put it back, or delete the guest`,
  );
}

export async function refreshDisks({ parts, board }: Pick<DiskParts, 'parts' | 'board'>, record: GuestRecord): Promise<void> {
  const folder = parts.guestFiles.folders(record.uid).data;
  const disks = await Promise.all(
    Object.entries(record.spec.disks).map(async ([name, disk]) => {
      const info = await parts.guestFiles.disk(record.uid, name);
      return {
        name,
        path: `${folder}/${name}.qcow2`,
        sizeBytes: info?.sizeBytes ?? disk.sizeMib * 1024 * 1024,
        ...(info ? { allocatedBytes: info.allocatedBytes } : {}),
      };
    }),
  );
  board.set(record.uid, { disks });
}
