// Zones must not take what the host reaches elsewhere: a subnet of a zone in which the host has an address or a route of its own would cut
// the host off from there, or its guests from the host. Pure.
import { BlockList } from 'node:net';
import { CaissonError } from '../../lib/errors.ts';
import type { ZonesArgs } from '../../model/network-helper.ts';
import type { LinkAddress } from './links.ts';
import { type Route, guestProtocol, zoneProtocol } from './routes.ts';

type Zones = ZonesArgs['zones'];

const ours = /^cs[gb]/;

/**
 * A wider route of the host is no obstacle: the zone is the exception to it. Nor is what lies on a zone's own uplink, whose wire it shares,
 * unless its guests hide behind the host. Throws `conflict`.
 */
export function checkOverlaps(
  zones: Zones,
  addresses: readonly Pick<LinkAddress, 'ifname' | 'addr_info'>[],
  routes: readonly Route[],
): void {
  for (const { subnets, uplink, masquerade } of zones) {
    const isElsewhere = (device: string | undefined) =>
      device !== undefined && !ours.test(device) && (masquerade || device !== uplink?.interface);
    for (const subnet of subnets) {
      const isInside = insideOf(subnet);
      for (const { ifname, addr_info: infos } of addresses) {
        const taken = isElsewhere(ifname) ? infos.find(({ local }) => isInside(local)) : undefined;
        if (taken)
          throw new CaissonError(
            'conflict',
            `the subnet ${subnet} of a zone holds ${taken.local}/${taken.prefixlen}, an address of the host on ${ifname}: give the zone another subnet, or take the address from ${ifname}`,
          );
      }
      const route = routes.find(
        ({ dst, dev, protocol, type = 'unicast' }) =>
          type === 'unicast' &&
          dst !== 'default' &&
          protocol !== zoneProtocol &&
          protocol !== guestProtocol &&
          isElsewhere(dev) &&
          isInside(dst),
      );
      if (route)
        throw new CaissonError(
          'conflict',
          `the subnet ${subnet} of a zone holds ${route.dst}, which the host reaches by ${route.dev}: give the zone another subnet, or remove that route`,
        );
    }
  }
}

/** Whether an address, or a range by all of it, lies in the subnet. */
function insideOf(subnet: string): (text: string) => boolean {
  const [base = '', length = ''] = subnet.split('/');
  const family = base.includes(':') ? 'ipv6' : 'ipv4';
  const block = new BlockList();
  block.addSubnet(base, Number(length), family);
  return (text) => {
    const [address = '', ownLength] = text.split('/');
    if (address.includes(':') !== (family === 'ipv6')) return false;
    return (ownLength === undefined || Number(ownLength) >= Number(length)) && block.check(address, family);
  };
}
