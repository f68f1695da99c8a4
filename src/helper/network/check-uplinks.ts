// Whether uplinks can do what zones want of them: said before anything is changed, each with the way to mend it.
import { existsSync, readFileSync } from 'node:fs';
import { CaissonError } from '../../lib/errors.ts';
import type { ZonesArgs } from '../../model/network-helper.ts';
import type { GuestsNamespace } from './guests-namespace.ts';
import { type Link, type LinkAddress, readAddresses } from './links.ts';

type Zones = ZonesArgs['zones'];
/** Where one looks. */
type Place = Pick<GuestsNamespace, 'isOwn' | 'run' | 'read'>;

/** Throws `missing` for what is not there and `not-allowed` for an interface that belongs to another. */
export async function checkUplinks(namespace: Place, zones: Zones, links: readonly Link[]): Promise<void> {
  for (const { uplink } of zones) if (uplink) checkLink(uplink.parent ?? uplink.interface, links);
  await checkIpv6(namespace, zones, links);
  if (!zones.some(({ masquerade }) => masquerade)) return;
  const addresses = await readAddresses(namespace);
  for (const zone of zones) if (zone.masquerade && zone.uplink) await checkMasquerade(namespace, zone, addresses);
}

/**
 * Where the kernel hands what a bridge carries to the filters for routed packets, other programs' filters judge it too, and ours twice. In a
 * namespace of our own that is switched off; on the host's own network it may be somebody's wish. Throws `not-allowed`.
 */
export async function checkBridges(namespace: Place, zones: Zones): Promise<void> {
  const bridged = zones.find(({ bridge }) => bridge);
  if (!bridged || namespace.isOwn || !existsSync('/proc/sys/net/bridge')) return;
  const keys = ['iptables', 'ip6tables', 'arptables'].map((name) => `net/bridge/bridge-nf-call-${name}`);
  const { stdout } = await namespace.run(['sysctl', '-n', ...keys]);
  const on = keys.filter((_key, index) => stdout.trim().split('\n')[index] === '1');
  if (on.length > 0)
    throw new CaissonError(
      'not-allowed',
      `the zone of ${bridged.subnets.join(', ')} is bridged, but this host hands what bridges carry to other filters: sysctl -w ${on.map((key) => `${key}=0`).join(' ')}, or give the guests a namespace of their own (caisson daemon --netns NAME), or take “bridged” from the zone`,
    );
}

function checkLink(uplink: string, links: readonly Link[]): void {
  const link = links.find(({ ifname }) => ifname === uplink);
  if (!link) {
    const others = links.flatMap(({ ifname }) => (/^(?:lo$|cs[gb])/.test(ifname) ? [] : [ifname]));
    throw new CaissonError(
      'missing',
      `uplink ${uplink} is not an interface of the guests’ network${others.length > 0 ? ` (it has ${others.slice(0, 8).join(', ')})` : ''}: create it, or name another one in the zone`,
    );
  }
  if (link.master)
    throw new CaissonError(
      'not-allowed',
      `uplink ${uplink} belongs to ${link.master}: name ${link.master} as the uplink, or take ${uplink} out of it`,
    );
}

async function checkIpv6(namespace: Place, zones: Zones, links: readonly Link[]): Promise<void> {
  const subnet = zones.flatMap(({ subnets }) => subnets).find((text) => text.includes(':'));
  if (subnet === undefined) return;
  const off = '/sys/module/ipv6/parameters/disable';
  const isOff = !existsSync('/proc/sys/net/ipv6') || (existsSync(off) && readFileSync(off, 'latin1').trim() === '1');
  if (isOff)
    throw new CaissonError(
      'missing',
      `this host’s kernel runs without IPv6, which the subnet ${subnet} needs: start it without ipv6.disable=1, or take the subnet out of the zone`,
    );
  const devices = zones.flatMap(({ subnets, uplink }) => (uplink && subnets.some((text) => text.includes(':')) ? [uplink.interface] : []));
  const names = ['all', ...devices.filter((device) => links.some(({ ifname }) => ifname === device))];
  const keys = names.map((name) => `net/ipv6/conf/${name}/disable_ipv6`);
  const { stdout } = await namespace.run(['sysctl', '-n', ...keys]);
  const values = stdout.trim().split('\n');
  const isOffAt = keys.filter((_key, index) => values[index] === '1');
  if (isOffAt.length > 0)
    throw new CaissonError(
      'missing',
      `IPv6, which the subnet ${subnet} needs, is switched off in the guests’ network: sysctl -w ${isOffAt.map((key) => `${key}=0`).join(' ')}, or take the subnet out of the zone`,
    );
}

/** Guests that leave with the host's address need it to have one there, and a way on. */
async function checkMasquerade(namespace: Place, zone: Zones[number], addresses: readonly LinkAddress[]): Promise<void> {
  const { interface: device = '', vlan, gateway, gateway6 } = zone.uplink ?? {};
  for (const family of [4, 6] as const) {
    const subnet = zone.subnets.find((text) => text.includes(':') === (family === 6));
    if (subnet === undefined) continue;
    const own = addresses.find(({ ifname }) => ifname === device)?.addr_info ?? [];
    const hasAddress = own.some((info) => info.family === (family === 4 ? 'inet' : 'inet6') && info.scope === 'global');
    // The address of a VLAN that is made here can only be given once it is there.
    if (!hasAddress && (vlan === undefined || addresses.some(({ ifname }) => ifname === device)))
      throw new CaissonError(
        'missing',
        `guests of ${subnet} are to leave with the host’s IPv${family} address on ${device}, but it has none there: give ${device} an address in the guests’ network`,
      );
    const way = family === 4 ? gateway : gateway6;
    if (way !== undefined || vlan !== undefined) continue;
    const routes = await namespace.read<{ dst: string }>([`-${family}`, 'route', 'show', 'default', 'dev', device]);
    if (routes.length === 0)
      throw new CaissonError(
        'missing',
        `guests of ${subnet} are to leave by ${device}, but no IPv${family} default route goes there: name the router as the uplink’s ${family === 4 ? 'gateway' : 'gateway6'}, or restore the route`,
      );
  }
}
