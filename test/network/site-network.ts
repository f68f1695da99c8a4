// The network of a site file, with guests as an apply would make them: from the words of the file to what the network driver is given.
import assert from 'node:assert/strict';
import { seededRandom } from '../../src/lib/ids.ts';
import type { GuestRecord } from '../../src/model/guest-status.ts';
import type { NetworkNic, NetworkState } from '../../src/model/network-state.ts';
import { parseSiteFile } from '../../src/model/site-file.ts';
import type { Zone } from '../../src/model/zone.ts';
import { planNetwork } from '../../src/plan/network-plan.ts';
import { newGuestRecord } from '../../src/plan/new-guest.ts';

/** Of one line a guest: `NAME: { zone: …, addresses: […] }`. */
export const plainGuest = (name: string, fields: string) =>
  `  ${name}: { image: debian-12, memory: 512MiB, disks: { root: 4GiB }, ${fields} }\n`;

export function networkOf(text: string): NetworkState {
  const parsed = parseSiteFile(text, () => undefined);
  if ('problems' in parsed) assert.fail(JSON.stringify(parsed.problems, null, 1));
  const { site, zones, flows, guests } = parsed.site;
  const random = seededRandom(7);
  const taken = new Set(Object.values(guests).flatMap((spec) => spec.addresses));
  const records = Object.entries(guests).map(([name, spec]): GuestRecord => {
    const others = new Set([...taken].filter((address) => !spec.addresses.includes(address)));
    const record = newGuestRecord(name, spec, {
      random,
      machineType: 'pc-q35-7.2',
      cpuModel: 'Nehalem',
      userId: 1_900_000_000,
      now: 0,
      zone: zones[spec.zone] as Zone,
      taken: others,
    });
    for (const address of record.addresses) taken.add(address);
    return record;
  });
  const indexed = new Map(Object.entries(zones).map(([name, zone], index) => [name, { index, zone }]));
  return planNetwork({ site, zones: indexed, flows, guests: records });
}

export function nicsOf(state: NetworkState, guest: string): NetworkNic[] {
  return state.nics.filter(({ guestName }) => guestName === guest);
}
