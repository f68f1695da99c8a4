// Acknowledged state: what the journal says was done is in the store, and what the store says of guests does not contradict itself. Pure.
import type { GuestRecord } from '../../model/guest-status.ts';
import { bad, type Finding } from './finding.ts';
import type { Records } from './records.ts';

const restore = 'the store may be an old one: restore the newer before anything else is changed';

export function checkState(records: Records): Finding[] {
  return [...checkDeleted(records), ...checkCreated(records), ...checkRenamed(records), ...checkUnique(records.guests)];
}

function checkDeleted({ guests, jobs }: Records): Finding[] {
  return guests
    .filter(({ uid }) =>
      jobs.some(({ kind, state, objects }) => kind === 'guest-delete' && state === 'succeeded' && objects.includes(`guest/${uid}`)),
    )
    .map(({ name, uid }) => bad('state', `guest ${name} (${uid}) was deleted, and is in the store`, restore));
}

/** Created, not told as deleted, and nothing since could have deleted it. */
function checkCreated({ guests, jobs, events }: Records): Finding[] {
  const known = new Set(guests.map(({ uid }) => `guest/${uid}`));
  const deleted = new Set(events.filter(({ kind }) => kind === 'guest-deleted').map(({ object }) => object));
  return events.flatMap(({ kind, object, time, message }) => {
    if (kind !== 'guest-created' || object === undefined || known.has(object) || deleted.has(object)) return [];
    const mayBeGone = jobs.some(
      (job) =>
        (job.endedAt ?? '9') >= time &&
        (job.kind === 'site-destroy' ||
          (job.kind === 'guest-delete' && job.objects.includes(object)) ||
          (job.kind === 'site-apply' && prunes(job.input))),
    );
    return mayBeGone
      ? []
      : [bad('state', `${message} (${object.slice('guest/'.length)}, ${time}), and the store does not know it`, restore)];
  });
}

function checkRenamed({ guests, jobs }: Records): Finding[] {
  return guests.flatMap(({ uid, name }) => {
    const last = jobs.find(
      ({ kind, state, objects }) => kind === 'guest-rename' && state === 'succeeded' && objects.includes(`guest/${uid}`),
    );
    const wanted = (last?.input as { name?: string } | undefined)?.name;
    return wanted === undefined || wanted === name
      ? []
      : [bad('state', `guest ${uid} was renamed to ${wanted}, and is called ${name} in the store`, restore)];
  });
}

/** What belongs to one guest alone. */
function checkUnique(guests: readonly GuestRecord[]): Finding[] {
  const owners = new Map<string, string>();
  const found: Finding[] = [];
  for (const guest of guests) {
    const { name, userId, addresses, hardware } = guest;
    for (const own of [
      `the name ${name}`,
      `the user id ${userId}`,
      ...addresses.flat().map((address) => `the address ${address}`),
      ...hardware.macs.map((mac) => `the MAC address ${mac}`),
    ]) {
      const other = owners.get(own);
      if (other !== undefined)
        found.push(bad('state', `guests ${other} and ${name} both have ${own}`, 'stop one of them, and delete it; its disks are kept'));
      owners.set(own, name);
    }
  }
  return found;
}

function prunes(input: unknown): boolean {
  return (input as { options?: { prune?: boolean } } | undefined)?.options?.prune === true;
}
