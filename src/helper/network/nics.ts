// A guest's nic in the kernel: its tap routed to the guest's addresses, answering for every address that the host can route to, so that
// the guest needs no wire shared with anybody. Up last: until then nothing passes. In a bridged zone the tap is a port of the zone's bridge,
// and what is routed goes by the bridge.
import { CaissonError } from '../../lib/errors.ts';
import type { NetworkHelper, NicUpArgs } from '../../model/network-helper.ts';
import { addressLines, hostEndSettings, hostMac, isIpv6 } from './device-settings.ts';
import type { GuestsNamespace } from './guests-namespace.ts';
import { readAddresses, readLinks } from './links.ts';
import { guestProtocol } from './routes.ts';
import { addProxy, readProxies } from './zones.ts';

type NicDownArgs = Parameters<NetworkHelper['nicDown']>[0];

/** Sets the nic up exactly as asked; addresses and routes of before that are not asked for go away. A fresh tap has none. */
export async function setNicUp(namespace: GuestsNamespace, nic: NicUpArgs, isFresh: boolean): Promise<void> {
  const { tap, bridge } = nic;
  const device = bridge ?? tap;
  const hasIpv6 = nic.hostAddresses.some(isIpv6) || nic.guestAddresses.some(isIpv6);
  await checkTaken(namespace, nic);
  // Before anything is read: the kernel takes addresses away with some of these.
  await namespace.set(
    bridge === undefined
      ? hostEndSettings(tap, hasIpv6)
      : { [`net/ipv6/conf/${tap}/disable_ipv6`]: 1, [`net/ipv4/conf/${tap}/forwarding`]: 0, [`net/ipv4/conf/${tap}/proxy_arp`]: 0 },
  );
  const [link] = isFresh ? [] : (await readAddresses(namespace, tap)).filter(({ ifname }) => ifname === tap);
  const addresses = (link?.addr_info ?? []).map(({ local, prefixlen }) => `${local}/${prefixlen}`);
  const present = isFresh && bridge === undefined ? [] : await readGuestAddresses(namespace, device);
  // On a bridge there are those of its other nics too.
  const gone = bridge === undefined ? present.filter(({ dst }) => !nic.guestAddresses.includes(dst)) : [];
  const source = nic.hostAddresses.find((address) => !isIpv6(address))?.split('/')[0];
  await namespace.change([
    // A port has another MAC than its bridge; with a new MAC a device forgets its neighbours.
    `link set dev ${tap} ${bridge === undefined ? 'nomaster' : `master ${bridge}`}`,
    ...(bridge !== undefined || link?.address === hostMac ? [] : [`link set dev ${tap} address ${hostMac}`]),
    `link set dev ${tap} mtu ${nic.mtu}`,
    ...addressLines(tap, addresses, bridge === undefined ? nic.hostAddresses : []),
    `link set dev ${tap} up`,
    ...gone.flatMap(({ dst, kind }) => removeGuestAddress(dst, kind, device)),
    ...nic.guestAddresses.flatMap((address) => [
      `route replace ${withLength(address)} dev ${device} proto ${guestProtocol}${source && !isIpv6(address) ? ` src ${source}` : ''}`,
      // Known for good: nothing is asked, and nobody can fill the table of neighbours or lie in it.
      ...(nic.mac === undefined
        ? []
        : [`neigh replace ${address} lladdr ${nic.mac} dev ${device} nud permanent protocol ${guestProtocol}`]),
      ...(nic.uplink === undefined ? [] : [addProxy(`${address} dev ${nic.uplink}`)]),
    ]),
  ]);
}

/** An address that the host has itself would be answered by the host. Throws `conflict`. */
async function checkTaken(namespace: GuestsNamespace, { guestAddresses }: NicUpArgs): Promise<void> {
  for (const { ifname, addr_info: infos } of await readAddresses(namespace)) {
    const taken = infos.find(({ local }) => guestAddresses.includes(local));
    if (taken)
      throw new CaissonError(
        'conflict',
        `${taken.local} is an address of the host, on ${ifname}: give the guest another one, or take it from ${ifname} (ip address del ${taken.local}/${taken.prefixlen} dev ${ifname})`,
      );
  }
}

export async function setNicDown(namespace: GuestsNamespace, nic: NicDownArgs): Promise<void> {
  const { tap, guestAddresses, uplink, bridge } = nic;
  const proxies =
    uplink === undefined ? [] : (await readProxies(namespace)).filter(({ dst, dev }) => dev === uplink && guestAddresses.includes(dst));
  const links = await readLinks(namespace);
  const hasBridge = bridge !== undefined && links.some(({ ifname }) => ifname === bridge);
  const routed = hasBridge ? (await readGuestAddresses(namespace, bridge)).filter(({ dst }) => guestAddresses.includes(dst)) : [];
  await namespace.change([
    ...proxies.map(({ dst, dev }) => `neigh del proxy ${dst} dev ${dev}`),
    ...routed.flatMap(({ dst, kind }) => removeGuestAddress(dst, kind, bridge ?? tap)),
    ...(links.some(({ ifname }) => ifname === tap) ? [`link del dev ${tap}`] : []),
  ]);
}

export async function readTaps(namespace: GuestsNamespace): Promise<{ name: string; up: boolean; bridge?: string }[]> {
  const links = await namespace.read<{ ifname: string; flags: string[]; master?: string }>(['link', 'show']);
  return links
    .filter(({ ifname }) => /^csg[a-z0-9]{1,12}$/.test(ifname))
    .map(({ ifname, flags, master }) => ({
      name: ifname,
      up: flags.includes('UP'),
      ...(master !== undefined && { bridge: master }),
    }));
}

type Kind = 'route' | 'neigh';

/** The routes and known neighbours that we made on a device. */
async function readGuestAddresses(namespace: GuestsNamespace, device: string): Promise<{ dst: string; kind: Kind }[]> {
  const routes = ['-4', '-6'].map((family) => [family, 'route', 'show', 'dev', device, 'proto', guestProtocol]);
  const [four, six, neighbours] = await Promise.all(
    [...routes, ['neigh', 'show', 'dev', device, 'nud', 'permanent']].map((args) =>
      namespace.read<{ dst: string; protocol?: string }>(args),
    ),
  );
  return [
    ...[...(four ?? []), ...(six ?? [])].map(({ dst }) => ({ dst, kind: 'route' as const })),
    ...(neighbours ?? []).filter(({ protocol }) => protocol === guestProtocol).map(({ dst }) => ({ dst, kind: 'neigh' as const })),
  ];
}

function removeGuestAddress(address: string, kind: Kind, device: string): string[] {
  return kind === 'route'
    ? [`route del ${withLength(address)} dev ${device} proto ${guestProtocol}`]
    : [`neigh del ${address} dev ${device}`];
}

function withLength(address: string): string {
  return `${address}/${isIpv6(address) ? 128 : 32}`;
}
