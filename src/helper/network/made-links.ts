// Interfaces that zones need and that nobody else makes: the VLAN of an uplink, the bridge of a bridged zone. What is not asked for any
// more goes away again.
import { existsSync } from 'node:fs';
import { CaissonError } from '../../lib/errors.ts';
import type { ZonesArgs } from '../../model/network-helper.ts';
import { addressLines, hostEndSettings, hostMac, isIpv6 } from './device-settings.ts';
import type { GuestsNamespace } from './guests-namespace.ts';
import { type Link, ourAlias, readAddresses, readLinks } from './links.ts';

type Zones = ZonesArgs['zones'];

/** Lines of `ip -batch` for the VLANs that zones ask for. Pure. */
export function planVlans(zones: Zones, links: readonly Link[]): { add: string[]; remove: string[] } {
  const wanted = new Map(
    zones.flatMap(({ uplink }) => (uplink?.vlan === undefined || uplink.parent === undefined ? [] : [[uplink.interface, uplink] as const])),
  );
  const isThere = (name: string) => links.some(({ ifname }) => ifname === name);
  return {
    add: [...wanted.values()].flatMap(({ interface: name, parent, vlan }) =>
      isThere(name)
        ? []
        : [
            `link set dev ${parent} up`,
            `link add link ${parent} name ${name} type vlan protocol 802.1Q id ${vlan}`,
            `link set dev ${name} alias ${ourAlias}`,
          ],
    ),
    remove: links
      .filter(({ ifname, ifalias, linkinfo }) => linkinfo?.info_kind === 'vlan' && ifalias === ourAlias && !wanted.has(ifname))
      .map(({ ifname }) => `link del dev ${ifname}`),
  };
}

/** Throws `missing` where the kernel cannot; nothing is left half made then. */
export async function makeVlans(namespace: GuestsNamespace, lines: string[]): Promise<void> {
  try {
    await namespace.change(lines);
  } catch (cause) {
    throw new CaissonError(
      'missing',
      `the VLAN of an uplink cannot be made (${lines.find((line) => line.startsWith('link add'))}): this kernel has no VLAN devices; load its module 8021q, or let the switch give the host the VLAN untagged`,
      { cause },
    );
  }
}

export async function makeBridges(namespace: GuestsNamespace, zones: Zones, links: readonly Link[]): Promise<void> {
  const bridges = zones.flatMap(({ bridge }) => bridge ?? []);
  const isThere = (name: string) => links.some(({ ifname }) => ifname === name);
  const stale = links.filter(({ ifname, linkinfo }) => isOurBridge(ifname, linkinfo) && !bridges.some(({ name }) => name === ifname));
  await namespace.change([
    ...stale.map(({ ifname }) => `link del dev ${ifname}`),
    ...bridges
      .filter(({ name }) => !isThere(name))
      .map(({ name }) => `link add name ${name} address ${hostMac} type bridge stp_state 0 mcast_snooping 0 forward_delay 0`),
  ]);
  if (bridges.length === 0) return;
  // Else every frame between two ports is judged as if it were routed.
  const filtered = ['iptables', 'ip6tables', 'arptables'].map((name) => `net/bridge/bridge-nf-call-${name}`);
  if (namespace.isOwn && existsSync('/proc/sys/net/bridge')) await namespace.set(Object.fromEntries(filtered.map((key) => [key, 0])));
  const present = await readAddresses(namespace);
  for (const { name, mtu, hostAddresses } of bridges) {
    await namespace.set(hostEndSettings(name, hostAddresses.some(isIpv6)));
    const addresses = present.find(({ ifname }) => ifname === name)?.addr_info ?? [];
    await namespace.change([
      `link set dev ${name} mtu ${mtu}`,
      ...addressLines(
        name,
        addresses.map(({ local, prefixlen }) => `${local}/${prefixlen}`),
        hostAddresses,
      ),
      `link set dev ${name} up`,
    ]);
  }
}

/** Bridges and VLANs that we made. */
export async function removeMadeLinks(namespace: GuestsNamespace): Promise<void> {
  const links = await readLinks(namespace);
  const bridges = links.filter(({ ifname, linkinfo }) => isOurBridge(ifname, linkinfo));
  await namespace.change([...bridges.map(({ ifname }) => `link del dev ${ifname}`), ...planVlans([], links).remove]);
}

function isOurBridge(name: string, info: Link['linkinfo']): boolean {
  return /^csb\d{1,4}$/.test(name) && info?.info_kind === 'bridge';
}
