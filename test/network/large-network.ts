// A network as large as we promise: guests in one zone, each with flows to others.
import type { NetworkState } from '../../src/model/network-state.ts';
import { exampleNetwork } from './example-network.ts';

const letters = 'abcdefghjk';

/** Pure. At most 60,000 nics. */
export function largeNetwork(nicCount: number, flowCount: number): NetworkState {
  const nics = Array.from({ length: nicCount }, (_, index) => {
    const guest = `g${String(index)
      .padStart(10, '0')
      .replaceAll(/\d/g, (digit) => letters[Number(digit)] ?? 'a')}`;
    // The first two addresses are the subnet's and the host's.
    const bytes = [(index + 2) >> 8, (index + 2) & 255];
    return {
      guest,
      guestName: `guest${index}`,
      zone: 'internal',
      tap: `cs${guest}0`,
      mac: `52:54:00:01:${bytes.map((byte) => byte.toString(16).padStart(2, '0')).join(':')}`,
      addresses: [`10.20.${bytes.join('.')}`],
    };
  });
  const cidrOf = (index: number) => `${nics[index % nicCount]?.addresses[0]}/32`;
  const flows = Array.from({ length: flowCount }, (_, index) => {
    const round = Math.floor(index / nicCount);
    return {
      from: { kind: 'addresses' as const, cidrs: [cidrOf(index)] },
      to: { kind: 'addresses' as const, cidrs: [cidrOf(index * 7 + round)] },
      services: [{ protocol: 'tcp' as const, ports: { from: 1000 + round, to: 1000 + round } }],
      text: `guest${index % nicCount} → tcp`,
    };
  });
  return { ...exampleNetwork, nics, flows };
}
