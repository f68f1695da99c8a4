// A network as large as we promise: guests in one zone, each with flows to others.
import type { GuestRecord } from '../../src/model/guest-status.ts';
import type { NetworkState } from '../../src/model/network-state.ts';
import { type NetworkInput, planNetwork } from '../../src/plan/network-plan.ts';

const letters = 'abcdefghjk';

/** Pure. What it is planned from; at most 60,000 guests. */
export function largeSite(guestCount: number, flowCount: number): NetworkInput {
  const guests = Array.from({ length: guestCount }, (_, index) => {
    const uid = `g${String(index)
      .padStart(10, '0')
      .replaceAll(/\d/g, (digit) => letters[Number(digit)] ?? 'a')}`;
    // The first two addresses are the subnet's and the host's.
    const bytes = [(index + 2) >> 8, (index + 2) & 255];
    const mac = `52:54:00:01:${bytes.map((byte) => byte.toString(16).padStart(2, '0')).join(':')}`;
    return {
      uid,
      name: `guest${index}`,
      spec: { nics: [{ zone: 'internal' }], labels: {} },
      hardware: { macs: [mac], nicNumbers: [0], nicSlots: [7] },
      addresses: [[`10.20.${bytes.join('.')}`]],
    } as unknown as GuestRecord;
  });
  const flows = Array.from({ length: flowCount }, (_, index) => {
    const round = Math.floor(index / guestCount);
    return {
      from: `guest${index % guestCount}`,
      to: `guest${(index * 7 + round) % guestCount}`,
      allow: [`tcp/${1000 + round}`],
    };
  });
  const external = {
    subnets: ['192.0.2.0/24', '2001:db8:1::/64'],
    uplink: { interface: 'eth1', gateway: '192.0.2.1', gateway6: '2001:db8:1::1' },
  };
  const internal = { subnets: ['10.20.0.0/16', 'fd20:0:a14:5::/64'] };
  return {
    site: 'lab',
    zones: new Map(Object.entries({ external, internal }).map(([name, zone], index) => [name, { index, zone }])),
    guests,
    flows,
  };
}

/** Pure. */
export function largeNetwork(guestCount: number, flowCount: number): NetworkState {
  return planNetwork(largeSite(guestCount, flowCount));
}
