// Writing a wish into the store: only what differs, what others refer to first, so that a crash in the middle leaves something sound.
// New guests get their identity and hardware here.
import { CaissonError } from '../lib/errors.ts';
import type { GuestRecord } from '../model/guest-status.ts';
import type { GuestSpec } from '../model/guest.ts';
import { parseListen } from '../model/publication.ts';
import type { Site } from '../model/site.ts';
import { completeAddresses, newGuestRecord, withDisksOf } from '../plan/new-guest.ts';
import type { Events } from './events.ts';
import type { EngineParts } from './parts.ts';
import { siteRow, type SiteStore, type SiteWrite } from './site-store.ts';

export interface SiteWriteParts {
  parts: EngineParts;
  site: SiteStore;
  events: Events;
}

/** Writes what differs, what others refer to first; guests get their identity here. */
export async function writeSite(parts: SiteWriteParts, wanted: Site, applied: Site): Promise<void> {
  const { site } = parts;
  const before = site.site();
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
  for (const name of site.zones.keys()) if (!wanted.zones[name]) writes.push(site.erase(`zone/${name}`));
  await site.commit([...writes, ...(await site.appliedWrites(applied))]);
}

async function guestWrites({ site, parts, events }: SiteWriteParts, wanted: Site): Promise<SiteWrite[]> {
  const writes: SiteWrite[] = [];
  const kept = [...site.guests.values()].filter((record) => wanted.guests[record.name]);
  const published = Object.values(wanted.zones).flatMap(({ publish = [] }) =>
    publish.flatMap(({ listen }) => parseListen(listen)?.address ?? []),
  );
  const taken = new Set([
    ...kept.flatMap((record) => record.addresses),
    ...Object.values(wanted.guests).flatMap((spec) => spec.addresses),
    ...published,
  ]);
  const fresh: [string, GuestSpec][] = [];
  for (const [name, spec] of Object.entries(wanted.guests)) {
    const record = site.findGuest(name);
    if (!record) fresh.push([name, spec]);
    else if (!same(record.spec, spec)) {
      const changed = changedGuest(record, spec, wanted, taken);
      // What one of them gets is nobody else's in the same apply.
      for (const address of changed.addresses) taken.add(address);
      writes.push(site.write(`guest/${record.uid}`, changed));
    }
  }
  if (fresh.length === 0) return writes;
  const facts = await parts.hypervisor.facts();
  let offset = site.counters.nextUserOffset;
  const userIds = new Set([...site.guests.values()].map((record) => record.userId));
  for (const [name, spec] of fresh) {
    const userId = nextUserId(parts.host.userIds, userIds, offset);
    offset = userId - parts.host.userIds.base + 1;
    userIds.add(userId);
    const zone = wanted.zones[spec.zone];
    if (!zone) throw new CaissonError('internal', `zone ${spec.zone} of guest ${name} is gone`);
    const others = new Set([...taken].filter((address) => !spec.addresses.includes(address)));
    const record = newGuestRecord(name, spec, {
      random: parts.random,
      machineType: facts.machineType,
      cpuModel: facts.cpuModel,
      userId,
      now: parts.clock.now(),
      zone,
      taken: others,
    });
    for (const address of record.addresses) taken.add(address);
    writes.push(site.write(`guest/${record.uid}`, record));
    events.emit({ kind: 'guest-created', object: `guest/${record.uid}`, message: `guest ${name} was created` });
  }
  return [site.write('counters', { nextUserOffset: offset }), ...writes];
}

function changedGuest(record: GuestRecord, spec: GuestSpec, wanted: Site, taken: ReadonlySet<string>): GuestRecord {
  const zone = wanted.zones[spec.zone];
  const others = new Set([...taken].filter((address) => !record.addresses.includes(address) && !spec.addresses.includes(address)));
  return {
    ...record,
    spec,
    hardware: withDisksOf(record.hardware, record.uid, spec),
    addresses: zone ? completeAddresses(record.name, spec, zone, others, record.addresses) : record.addresses,
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
