// The network of a site file, with guests as an apply would make them: from the words of the file to what the network driver is given.
import assert from 'node:assert/strict';
import { seededRandom } from '../../src/lib/ids.ts';
import type { GuestRecord } from '../../src/model/guest-status.ts';
import type { NetworkNic, NetworkState } from '../../src/model/network-state.ts';
import { parseSiteFile } from '../../src/model/site-file.ts';
import { giveAddresses } from '../../src/plan/give-addresses.ts';
import { planNetwork } from '../../src/plan/network-plan.ts';
import { newGuestRecord } from '../../src/plan/new-guest.ts';

/** Of one line a guest: `NAME: { zone: …, addresses: […] }`. */
export const plainGuest = (name: string, fields: string) =>
  `  ${name}: { image: debian-12, memory: 512MiB, disks: { root: 4GiB }, ${fields} }\n`;

export interface SiteNetwork {
  state: NetworkState;
  records: GuestRecord[];
}

/** Files that the site names are taken for empty ones. */
export function networkOf(text: string): SiteNetwork {
  const parsed = parseSiteFile(text, () => new Uint8Array());
  if ('problems' in parsed) assert.fail(JSON.stringify(parsed.problems, null, 1));
  const { site, zones, flows, guests } = parsed.site;
  const random = seededRandom(7);
  const given = giveAddresses(parsed.site, new Map());
  const records = Object.entries(guests).map(([name, spec]): GuestRecord =>
    newGuestRecord(name, spec, {
      random,
      machineType: 'pc-q35-7.2',
      cpuModel: 'Nehalem',
      userId: 1_900_000_000,
      now: 0,
      addresses: given.get(name) ?? [],
    }),
  );
  const indexed = new Map(Object.entries(zones).map(([name, zone], index) => [name, { index, zone }]));
  return { state: planNetwork({ site, zones: indexed, flows, guests: records }), records };
}

export function nicsOf(state: NetworkState, guest: string): NetworkNic[] {
  return state.nics.filter(({ guestName }) => guestName === guest);
}
