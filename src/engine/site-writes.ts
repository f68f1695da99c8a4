// Writing a wish into the store: only what differs, what others refer to first, so that a crash in the middle leaves something sound.
// New guests get their identity and hardware here.
import { CaissonError } from '../lib/errors.ts';
import type { RandomSource } from '../lib/ids.ts';
import type { GuestRecord } from '../model/guest-status.ts';
import type { GuestSpec } from '../model/guest.ts';
import type { Site } from '../model/site.ts';
import { giveAddresses } from '../plan/give-addresses.ts';
import { newGuestRecord, withDisksOf, withNicsOf } from '../plan/new-guest.ts';
import type { Events } from './events.ts';
import type { EngineParts } from './parts.ts';
import { siteRow, type SiteStore, type SiteWrite } from './site-store.ts';

export interface SiteWriteParts {
  parts: EngineParts;
  site: SiteStore;
  events: Events;
  /** Takes away all roles on these zones. */
  forgetRoles: (zones: readonly string[]) => Promise<void>;
}

/** Writes what differs, what others refer to first; guests get their identity here. */
export async function writeSite(parts: SiteWriteParts, wanted: Site, applied: Site): Promise<void> {
  const { site, forgetRoles } = parts;
  const before = site.site();
  const gone = [...site.zones.keys()].filter((name) => !wanted.zones[name]);
  const writes: SiteWrite[] = [];
  const put = (key: string, value: unknown) => writes.push(site.write(key, value));
  if (!same(siteRow(before), siteRow(wanted)) || !site.isDefined) put('site', siteRow(wanted));
  const usedIndexes = new Set([...site.zones.values()].map((zone) => zone.index));
  for (const [name, zone] of Object.entries(wanted.zones)) {
    const record = site.zones.get(name);
    if (record && same(record.zone, zone)) continue;
    let index = record?.index ?? 0;
    if (!record) while (usedIndexes.has(index)) index++;
    usedIndexes.add(index);
    put(`zone/${name}`, { index, zone });
  }
  for (const [name, image] of Object.entries(wanted.images)) if (!same(site.images.get(name), image)) put(`image/${name}`, image);
  writes.push(...(await guestWrites(parts, wanted)));
  if (!same(site.flows, wanted.flows)) put('flows', wanted.flows);
  for (const name of site.images.keys()) if (!wanted.images[name]) writes.push(site.erase(`image/${name}`));
  for (const name of gone) writes.push(site.erase(`zone/${name}`));
  // A zone has no uid: before there is one of a name that was used before, nobody has a role on it. Also when a daemon died after the next commit.
  await forgetRoles(Object.keys(wanted.zones).filter((name) => !site.zones.has(name)));
  await site.commit([...writes, ...(await site.appliedWrites(applied))]);
  await forgetRoles(gone);
}

/** The addresses that every guest of a site would have. Throws `conflict` and `no-capacity`. */
export function addressesFor(site: SiteStore, wanted: Site): Map<string, string[][]> {
  return giveAddresses(wanted, new Map([...site.guests.values()].map(({ name, addresses }) => [name, addresses.flat()])));
}

async function guestWrites({ site, parts, events }: SiteWriteParts, wanted: Site): Promise<SiteWrite[]> {
  const writes: SiteWrite[] = [];
  const given = addressesFor(site, wanted);
  const fresh: [string, GuestSpec][] = [];
  for (const [name, spec] of Object.entries(wanted.guests)) {
    const record = site.findGuest(name);
    const addresses = given.get(name) ?? [];
    if (!record) fresh.push([name, spec]);
    else if (!same(record.spec, spec) || !same(record.addresses, addresses))
      writes.push(site.write(`guest/${record.uid}`, changedGuest(record, spec, addresses, parts.random)));
  }
  if (fresh.length === 0) return writes;
  const facts = await parts.hypervisor.facts();
  let offset = site.counters.nextUserOffset;
  const userIds = new Set([...site.guests.values()].map((record) => record.userId));
  for (const [name, spec] of fresh) {
    const userId = nextUserId(parts.host.userIds, userIds, offset);
    offset = userId - parts.host.userIds.base + 1;
    userIds.add(userId);
    const record = newGuestRecord(name, spec, {
      random: parts.random,
      machineType: facts.machineType,
      cpuModel: facts.cpuModel,
      userId,
      now: parts.clock.now(),
      addresses: given.get(name) ?? [],
    });
    writes.push(site.write(`guest/${record.uid}`, record));
    events.emit({ kind: 'guest-created', object: `guest/${record.uid}`, message: `guest ${name} was created` });
  }
  return [site.write('counters', { nextUserOffset: offset }), ...writes];
}

function changedGuest(record: GuestRecord, spec: GuestSpec, addresses: string[][], random: RandomSource): GuestRecord {
  return {
    ...record,
    spec,
    hardware: withDisksOf(withNicsOf(record.hardware, record.spec.nics, spec, random), record.uid, spec),
    addresses,
    wantedPower: spec.autostart && !record.spec.autostart ? 'running' : record.wantedPower,
  };
}

/** Ids are given in order and come round only when all were used, so that disks of a deleted guest are not soon somebody else's. */
function nextUserId(range: { base: number; count: number }, used: ReadonlySet<number>, offset: number): number {
  for (let step = 0; step < range.count; step++) {
    // The last ids of the range are kept for services such as DHCP.
    const userId = range.base + ((offset + step) % (range.count - 16));
    if (!used.has(userId)) return userId;
  }
  throw new CaissonError('no-capacity', `this data directory has no user id left for another guest (${range.count} in all)`);
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
