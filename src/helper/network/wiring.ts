// What is not in the kernel of what was applied: somebody, or a device that went, has taken it away. Pure; for people. Rules, taps that are
// gone and the name service are looked at elsewhere.
import type { NicUpArgs, WiringArgs } from '../../model/network-helper.ts';
import { hostMac, isIpv6 } from './device-settings.ts';
import type { FamilyState, KernelState } from './kernel-state.ts';
import { planVlans } from './made-links.ts';
import { planRoutes, routeWords, ruleWords } from './routes.ts';

interface Wanted extends WiringArgs {
  /** The network is a namespace of our own. */
  isOwn: boolean;
}

export function findMissing(wanted: Wanted, kernel: KernelState): string[] {
  const state = indexed(kernel);
  const hasIpv6 = wanted.zones.some(({ subnets }) => subnets.some(isIpv6));
  return [
    ...missingLinks(wanted, state, hasIpv6),
    ...missingRoutes(wanted, state),
    ...missingProxies(wanted, state),
    ...wanted.nics.flatMap((nic) => missingOfNic(nic, state)),
  ];
}

/** Looked up once for each nic: never searched. */
interface Indexed extends KernelState {
  linksByName: ReadonlyMap<string, KernelState['links'][number]>;
  /** The host's. */
  addresses: ReadonlySet<string>;
  /** `ADDRESS DEVICE`, and with the MAC. */
  guestRoutes: ReadonlySet<string>;
  known: ReadonlySet<string>;
}

function indexed(state: KernelState): Indexed {
  return {
    ...state,
    linksByName: new Map(state.links.map((link) => [link.ifname, link])),
    addresses: new Set(state.links.flatMap(({ addr_info: infos }) => infos.map(({ local }) => local))),
    guestRoutes: new Set(([4, 6] as const).flatMap((family) => state.families[family].guestRoutes.map(({ dst, dev }) => `${dst} ${dev}`))),
    known: new Set(state.neighbours.map(({ dst, dev, lladdr }) => `${dst} ${dev} ${lladdr}`)),
  };
}

function missingLinks({ zones }: Wanted, state: Indexed, hasIpv6: boolean): string[] {
  const linkOf = (name: string) => state.linksByName.get(name);
  const isUp = (name: string) => linkOf(name)?.flags.includes('UP') === true;
  const uplinks = new Set(zones.flatMap(({ uplink }) => uplink?.interface ?? []));
  const bridges = zones.flatMap(({ bridge }) => bridge ?? []);
  const vlans = planVlans(zones, state.links).add.filter((line) => line.startsWith('link add'));
  return [
    ...vlans.map((line) => `the VLAN device ${/ name (\S+)/.exec(line)?.[1]} is gone`),
    ...[...uplinks, ...bridges.map(({ name }) => name)].filter((name) => linkOf(name) && !isUp(name)).map((name) => `${name} is down`),
    ...[...uplinks].flatMap((name) => [
      ...settingsOff(state.families[4], name, 4, ['forwarding']),
      ...(hasIpv6 ? settingsOff(state.families[6], name, 6, ['forwarding', 'answersForOthers']) : []),
    ]),
    ...(hasIpv6 ? settingsOff(state.families[6], 'all', 6, ['forwarding']) : []),
    ...bridges.flatMap(({ name, hostAddresses }) =>
      linkOf(name) ? missingOfDevice(name, hostAddresses, hostAddresses.some(isIpv6), state) : [`the bridge ${name} is gone`],
    ),
  ];
}

function missingRoutes({ zones, listened, isOwn }: Wanted, state: Indexed): string[] {
  const taken = listened.filter(({ address }) => !state.addresses.has(address)).map(({ address }) => address);
  return ([4, 6] as const).flatMap((family) => {
    const { routes, rules } = planRoutes(zones, family, isOwn, taken);
    const has = state.families[family];
    const [presentRoutes, presentRules] = [new Set(has.zoneRoutes.map(routeWords)), new Set(has.rules.map(ruleWords))];
    return [
      ...routes
        .map(routeWords)
        .filter((words) => !presentRoutes.has(words))
        .map((words) => `the route “${words}” is missing`),
      ...rules
        .map(ruleWords)
        .filter((words) => !presentRules.has(words))
        .map((words) => `the routing rule “${words}” is missing`),
    ];
  });
}

function missingProxies({ proxied, listened }: Wanted, state: Indexed): string[] {
  const present = new Set(state.proxies.map(({ dst, dev }) => `${dst} ${dev}`));
  return [...proxied, ...listened.filter(({ address }) => !state.addresses.has(address))]
    .filter(({ address, interface: name }) => !present.has(`${address} ${name}`))
    .map(({ address, interface: name }) => `nobody answers for ${address} on ${name}`);
}

/** A tap that is gone or down is not looked at. */
function missingOfNic(nic: NicUpArgs, state: Indexed): string[] {
  const { tap, bridge, mac, guestAddresses, hostAddresses } = nic;
  const link = state.linksByName.get(tap);
  if (!link?.flags.includes('UP')) return [];
  const device = bridge ?? tap;
  const hasIpv6 = [...hostAddresses, ...guestAddresses].some(isIpv6);
  const routed = (address: string) => state.guestRoutes.has(`${address} ${device}`);
  const known = (address: string) => mac === undefined || state.known.has(`${address} ${device} ${mac}`);
  return [
    ...(link.master === bridge ? [] : [`${tap} ${bridge === undefined ? `is a port of ${link.master}` : `is no port of ${bridge}`}`]),
    ...(bridge === undefined && link.address !== hostMac ? [`${tap} has another MAC`] : []),
    ...(bridge === undefined ? missingOfDevice(tap, hostAddresses, hasIpv6, state) : []),
    ...guestAddresses.filter((address) => !routed(address)).map((address) => `the route to ${address} by ${device} is missing`),
    ...guestAddresses.filter((address) => !known(address)).map((address) => `whose ${address} on ${device} is, is not known for good`),
  ];
}

/** A device that guests see as their router. */
function missingOfDevice(device: string, hostAddresses: readonly string[], hasIpv6: boolean, state: Indexed): string[] {
  const present = state.linksByName.get(device)?.addr_info ?? [];
  return [
    ...hostAddresses
      .filter((address) => !present.some(({ local, prefixlen }) => `${local}/${prefixlen}` === address))
      .map((address) => `the host’s address ${address} on ${device} is missing`),
    ...settingsOff(state.families[4], device, 4, ['forwarding', 'answersForOthers', 'checksWayBack']),
    ...(hasIpv6 ? settingsOff(state.families[6], device, 6, ['forwarding']) : []),
  ];
}

const settingNames = { forwarding: 'forwarding', answersForOthers: 'answering for others', checksWayBack: 'the check of the way back' };

function settingsOff({ settings }: FamilyState, device: string, family: 4 | 6, names: readonly (keyof typeof settingNames)[]): string[] {
  const found = settings.get(device);
  if (!found) return [];
  return names.filter((name) => !found[name]).map((name) => `${settingNames[name]} of IPv${family} is off on ${device}`);
}
