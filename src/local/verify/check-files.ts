// Files of the data directory: every one has an owner, every disk that was made is there, and what a guest's disk builds on. Pure.
import type { GuestRecord } from '../../model/guest-status.ts';
import { uidPattern } from '../../lib/ids.ts';
import { bad, type Finding, note, warning } from './finding.ts';
import type { Machine, SeenFolder } from './machine.ts';
import type { Records } from './records.ts';

const ownNames = new Set([
  'host.json',
  'lock',
  'run',
  'guests',
  'images',
  'network',
  'daemon.json',
  'api-token',
  'tls',
  'qemu-facts.json',
  'lost+found',
]);
const databases = /^(store|journal|history|audit-log)\.sqlite(-wal|-shm|-journal)?$/;
/** What the daemon, the helper and QEMU keep beside a guest's disks. */
const guestNames = /^(seed\.iso|nvram\.fd|console\.log(\.\d+)?|qemu\.log|launch-process\.json)$/;
const imageNames = /^([0-9a-f]{64})\.(qcow2|json)$/;

export function checkFiles(machine: Machine, { guests, events }: Records): Finding[] {
  const known = new Map(guests.map((guest) => [guest.uid, guest]));
  const deleted = new Set(events.filter(({ kind }) => kind === 'guest-deleted').map(({ object }) => object?.slice('guest/'.length)));
  const { dataDirectory } = machine;
  return [
    ...machine.data
      .filter((name) => !ownNames.has(name) && !databases.test(name))
      .map((name) =>
        warning('files', `${dataDirectory}/${name} belongs to nobody`, unfinished(name) ?? 'look at it, and move it elsewhere'),
      ),
    ...machine.guests.flatMap((folder) => {
      const guest = known.get(folder.name);
      return guest ? checkFolder(dataDirectory, folder, guest) : [ownerless(dataDirectory, folder, deleted.has(folder.name))];
    }),
    ...guests.flatMap((guest) => checkDisks(machine, guest)),
    ...checkImages(machine, guests),
  ];
}

function checkFolder(dataDirectory: string, { name: uid, files }: SeenFolder, guest: GuestRecord): Finding[] {
  return files.flatMap(({ name, userId }) => {
    const path = `${dataDirectory}/guests/${uid}/${name}`;
    const disk = /^(.+)\.qcow2$/.exec(name)?.[1];
    const isDisk = disk !== undefined && (guest.disksMade.includes(disk) || disk in guest.spec.disks);
    if (isDisk && userId !== guest.userId)
      return [
        bad(
          'files',
          `${path} belongs to user ${userId}, not to guest ${guest.name}’s (${guest.userId}): it cannot start`,
          `chown ${guest.userId} ${path}`,
        ),
      ];
    if (isDisk || guestNames.test(name)) return [];
    const what = disk === undefined ? `${path} belongs to nobody` : `${path} is no disk of guest ${guest.name} any more`;
    return [warning('files', what, unfinished(name) ?? 'look at it, and move it elsewhere')];
  });
}

/** Disks that a deletion has kept are well; others tell of a guest that the site has lost. */
function ownerless(dataDirectory: string, { name, files, record }: SeenFolder, isDeleted: boolean): Finding {
  const path = `${dataDirectory}/guests/${name}`;
  if (!uidPattern.test(name)) return warning('files', `${path} belongs to nobody`, 'look at it, and move it elsewhere');
  const disks = files.filter((file) => file.name.endsWith('.qcow2')).length;
  if (isDeleted) return note('files', `${path} holds ${disks} disks of a guest that was deleted`, `when nobody needs them: rm -r ${path}`);
  if (disks === 0 && !record)
    return warning('files', `${path} is empty of disks, and of a guest that the site does not know`, `rm -r ${path}`);
  return bad(
    'state',
    `${path} holds ${disks} disks of a guest that the site does not know and nobody has deleted`,
    'the store may be an old one: restore the newer; otherwise keep the disks elsewhere',
  );
}

function checkDisks(machine: Machine, guest: GuestRecord): Finding[] {
  const files = machine.guests.find((folder) => folder.name === guest.uid)?.files ?? [];
  return guest.disksMade
    .filter((disk) => disk in guest.spec.disks && !files.some((file) => file.name === `${disk}.qcow2`))
    .map((disk) =>
      bad(
        'state',
        `disk “${disk}” of guest ${guest.name} was made and is gone: ${machine.dataDirectory}/guests/${guest.uid}/${disk}.qcow2`,
        `restore it from a backup, or delete the guest: caisson guest delete ${guest.name}`,
      ),
    );
}

function checkImages({ dataDirectory, images }: Machine, guests: readonly GuestRecord[]): Finding[] {
  const strangers = images
    .filter((name) => !imageNames.test(name))
    .map((name) =>
      warning('files', `${dataDirectory}/images/${name} belongs to nobody`, unfinished(name) ?? 'look at it, and move it elsewhere'),
    );
  const missing = guests.flatMap(({ name, imageDigest, disksMade }) =>
    imageDigest !== undefined && disksMade.includes('root') && !images.includes(`${imageDigest}.qcow2`)
      ? [
          bad(
            'state',
            `the image that the root disk of guest ${name} builds on is gone: ${dataDirectory}/images/${imageDigest}.qcow2`,
            `restore it from a backup; the disk alone is not enough`,
          ),
        ]
      : [],
  );
  return [...strangers, ...missing];
}

/** Files that are made under another name first: what is left of one that was never finished. */
function unfinished(name: string): string | undefined {
  return /\.(new|wanted|part[\w.-]*)$/.test(name)
    ? 'it was never finished; the next start of the daemon or the guest replaces it, or: rm it'
    : undefined;
}
