// Where a packet goes once the rules have seen it: facts of the host's routing, as the network's state asks for them. The rules decide
// whether it goes there; one that they have not marked as seen is routed to nowhere.
import { type Cidr, cidrBounds, parseCidr } from '../../model/address.ts';
import { type NetworkState, uplinkDevice } from '../../model/network-state.ts';
import type { Branch } from './packet.ts';
import { toValue } from './values.ts';

export type Route = { leads: 'here' } | { leads: 'nowhere'; why: string } | { leads: 'on'; device: string };

/** The host, on whichever nic of any zone it is asked for. */
export const linkLocalRouter = 'fe80::1';
/** What the first rules mark a packet with, and routing asks for. */
const seen = 0xca150000;
const unseen = { leads: 'nowhere', why: 'no rule has marked it as seen' } as const;

export class Routes {
  readonly #devices = new Map<number | bigint, string>();
  readonly #own = new Set<number | bigint>();
  readonly #listened = new Set<number | bigint>();
  readonly #subnets: { family: 4 | 6; first: bigint; last: bigint; route: Route }[];
  readonly #default: Route;

  constructor(state: NetworkState) {
    const zones = new Map(state.zones.map((zone) => [zone.name, zone]));
    for (const nic of state.nics)
      for (const address of nic.addresses) this.#devices.set(toValue(address), deviceOf(nic, zones.get(nic.zone)));
    for (const zone of state.zones) {
      const isRouter = !zone.uplink || zone.masquerade;
      for (const address of [...zone.hostAddresses, ...(isRouter ? zone.gateways : [])]) this.#own.add(toValue(address));
    }
    this.#own.add(toValue(linkLocalRouter));
    for (const { listen } of state.publications) this.#listened.add(toValue(listen));
    this.#subnets = state.zones.flatMap(({ subnets, uplink, masquerade }) =>
      subnets.map((text) => {
        const cidr = parseCidr(text) as Cidr;
        const route: Route =
          uplink && !masquerade
            ? { leads: 'on', device: uplinkDevice(uplink) }
            : { leads: 'nowhere', why: 'nobody in the zone has the address' };
        return { family: cidr.family, ...cidrBounds(cidr), route };
      }),
    );
    const uplink = state.zones.find((zone) => zone.uplink)?.uplink;
    this.#default = uplink ? { leads: 'on', device: uplinkDevice(uplink) } : { leads: 'nowhere', why: 'there is no uplink' };
  }

  of({ destination, mark, packet: { family, iif } }: Branch): Route {
    if (this.#own.has(destination) || isForAll(destination)) return { leads: 'here' };
    if (isNobodys(destination)) return { leads: 'nowhere', why: 'it is nobody’s address' };
    if (mark !== seen && iif !== undefined) return unseen;
    const device = this.#devices.get(destination);
    if (device !== undefined) return { leads: 'on', device };
    // Not published: it goes no further than this.
    if (this.#listened.has(destination) && family === 4) return { leads: 'on', device: 'lo' };
    const subnet = this.#subnets.find((each) => each.family === family && each.first <= destination && destination <= each.last);
    return subnet?.route ?? this.#default;
  }
}

/** Why a packet that has come in goes no further than the first rules, if so. */
export function whyUnseen({ mark, packet: { iif } }: Branch): (Route & { leads: 'nowhere' }) | undefined {
  return mark !== seen && iif !== undefined ? unseen : undefined;
}

/** What a nic's packets arrive by: its tap, or its zone's bridge. */
export function deviceOf(nic: { tap: string }, zone: { index: number; bridged?: true } | undefined): string {
  return zone?.bridged ? `csb${zone.index}` : nic.tap;
}

/** Groups and everybody: the host itself hears them. */
export function isForAll(destination: number | bigint): boolean {
  return typeof destination === 'number' ? destination >= 0xe000_0000 : destination >> 120n === 0xffn;
}

/** Of this machine, or none: the kernel takes it for nonsense. */
function isNobodys(destination: number | bigint): boolean {
  return typeof destination === 'number' ? destination >>> 24 === 127 || destination >>> 24 === 0 : destination <= 1n;
}
