// A guest's nic in the kernel: its tap routed to the guest's addresses, answering for every address that the host can route to, so that
// the guest needs no wire shared with anybody. Up last: until then nothing passes.
import type { NetworkHelper } from '../../model/network-helper.ts';
import type { GuestsNamespace } from './guests-namespace.ts';
import { guestProtocol } from './routes.ts';
import { addProxy, readProxies } from './zones.ts';

/** The host's end of every nic has one MAC, so that a guest that comes from another host finds its router where it was. */
const hostMac = '02:ca:15:50:00:01';

type NicUpArgs = Parameters<NetworkHelper['nicUp']>[0];
type NicDownArgs = Parameters<NetworkHelper['nicDown']>[0];

interface Link {
  ifname: string;
  flags: string[];
  address?: string;
  addr_info: { local: string; prefixlen: number; family: 'inet' | 'inet6' }[];
}

/** Sets the nic up exactly as asked; addresses and routes of before that are not asked for go away. A fresh tap has none. */
export async function setNicUp(namespace: GuestsNamespace, nic: NicUpArgs, isFresh: boolean): Promise<void> {
  const { tap } = nic;
  const [link] = isFresh
    ? []
    : (await namespace.read<Partial<Link>>(['address', 'show', 'dev', tap])).filter(({ ifname }) => ifname === tap);
  const addresses = (link?.addr_info ?? []).map(({ local, prefixlen }) => `${local}/${prefixlen}`);
  const routes = addresses.length === 0 ? [] : await readRoutes(namespace, tap);
  await namespace.set(settings(tap, nic.hostAddresses.some(isIpv6)));
  const source = nic.hostAddresses.find((address) => !isIpv6(address))?.split('/')[0];
  await namespace.change([
    ...(link?.address === hostMac ? [] : [`link set dev ${tap} address ${hostMac}`]),
    `link set dev ${tap} mtu ${nic.mtu}`,
    ...addresses.filter((address) => !nic.hostAddresses.includes(address)).map((address) => `address del ${address} dev ${tap}`),
    ...nic.hostAddresses
      .filter((address) => !addresses.includes(address))
      .map((address) => `address add ${address} dev ${tap} ${addressOptions(address)}`),
    `link set dev ${tap} up`,
    ...routes
      .filter((route) => !nic.guestAddresses.includes(route))
      .map((route) => `route del ${withLength(route)} dev ${tap} proto ${guestProtocol}`),
    ...nic.guestAddresses.map(
      (address) =>
        `route replace ${withLength(address)} dev ${tap} proto ${guestProtocol}${source && !isIpv6(address) ? ` src ${source}` : ''}`,
    ),
    ...nic.guestAddresses.filter(() => nic.uplink).map((address) => addProxy(`${address} dev ${nic.uplink}`)),
  ]);
}

export async function setNicDown(namespace: GuestsNamespace, { tap, guestAddresses, uplink }: NicDownArgs): Promise<void> {
  const proxies =
    uplink === undefined ? [] : (await readProxies(namespace)).filter(({ dst, dev }) => dev === uplink && guestAddresses.includes(dst));
  await namespace.change(proxies.map(({ dst, dev }) => `neigh del proxy ${dst} dev ${dev}`));
  if ((await readTaps(namespace)).some(({ name }) => name === tap)) await namespace.change([`link del dev ${tap}`]);
}

export async function readTaps(namespace: GuestsNamespace): Promise<{ name: string; up: boolean }[]> {
  const links = await namespace.read<Link>(['link', 'show']);
  return links
    .filter(({ ifname }) => /^csg[a-z0-9]{1,12}$/.test(ifname))
    .map(({ ifname, flags }) => ({ name: ifname, up: flags.includes('UP') }));
}

async function readRoutes(namespace: GuestsNamespace, tap: string): Promise<string[]> {
  const read = async (family: '-4' | '-6') =>
    (await namespace.read<{ dst: string }>([family, 'route', 'show', 'dev', tap, 'proto', guestProtocol])).map(({ dst }) => dst);
  return [...(await read('-4')), ...(await read('-6'))];
}

function settings(tap: string, hasIpv6: boolean): Record<string, number> {
  return {
    [`net/ipv4/conf/${tap}/forwarding`]: 1,
    [`net/ipv4/conf/${tap}/proxy_arp`]: 1,
    [`net/ipv4/conf/${tap}/rp_filter`]: 1,
    [`net/ipv4/conf/${tap}/accept_redirects`]: 0,
    [`net/ipv4/conf/${tap}/send_redirects`]: 0,
    [`net/ipv4/conf/${tap}/accept_source_route`]: 0,
    [`net/ipv4/neigh/${tap}/proxy_delay`]: 0,
    [`net/ipv6/conf/${tap}/disable_ipv6`]: hasIpv6 ? 0 : 1,
    // 1: the only link-local address is the router's, given below.
    [`net/ipv6/conf/${tap}/addr_gen_mode`]: 1,
    [`net/ipv6/conf/${tap}/accept_dad`]: 0,
    [`net/ipv6/conf/${tap}/forwarding`]: 1,
    [`net/ipv6/conf/${tap}/accept_ra`]: 0,
    [`net/ipv6/conf/${tap}/accept_redirects`]: 0,
    [`net/ipv6/conf/${tap}/accept_source_route`]: 0,
  };
}

/**
 * The prefix of a zone is not reached through any one tap. IPv4 addresses have the scope of the host: an address of one zone is then never
 * the sender of a question that the host asks on another wire.
 */
function addressOptions(address: string): string {
  if (address.startsWith('fe80:')) return 'nodad';
  return isIpv6(address) ? 'noprefixroute nodad' : 'noprefixroute scope host';
}

function isIpv6(address: string): boolean {
  return address.includes(':');
}

function withLength(address: string): string {
  return `${address}/${isIpv6(address) ? 128 : 32}`;
}
