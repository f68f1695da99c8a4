// What the evaluator says of a probe that is also sent for real.
import type { NetworkNic, NetworkState } from '../../src/model/network-state.ts';
import { Evaluator } from '../../src/plan/rules/evaluator.ts';
import { ofProtocol, ofTypes } from '../../src/plan/rules/l4-ranges.ts';
import { type Place, at, findPlaces, outside, packetBetween } from '../../src/plan/rules/places.ts';
import { Routes } from '../../src/plan/rules/routes.ts';
import { readRuleset } from '../../src/plan/rules/ruleset.ts';
import type { Probe } from './inside.ts';
import { world } from './real-network.ts';

const known = new Map<string, Evaluator>();

/** A guest's neighbour on a shared wire is reached over it, everybody else through the host. */
export function decideProbe(
  json: string,
  state: NetworkState,
  nic: NetworkNic | undefined,
  probe: Probe,
): 'open' | 'refused' | 'undecided' {
  let evaluator = known.get(json);
  if (!evaluator) known.set(json, (evaluator = new Evaluator(readRuleset(json), new Routes(state))));
  const isIpv6 = probe.to.includes(':');
  const { guests, otherPort } = findPlaces(state, []);
  const sender: Place | undefined = nic
    ? guests.find((guest) => guest.nic === nic && guest.address.includes(':') === isIpv6)
    : outside('world', probe.from ?? (isIpv6 ? world.wire6 : world.wire), 'eth1');
  if (!sender) return 'undecided';
  const neighbour = guests.find(
    (guest) => sender.kind === 'guest' && guest.zone === sender.zone && guest.zone.bridged && guest.address === probe.to,
  );
  const isWire = sender.kind === 'guest' && sender.zone.bridged === true && isWithinZone(sender, probe.to);
  // Nobody has it: there is nobody to send the frame to.
  if (isWire && !neighbour && !isOwn(sender, probe.to)) return 'refused';
  const icmp = isIpv6 ? ofTypes(58, 128, 128) : ofTypes(1, 8, 8);
  const l4 = probe.protocol === 'icmp' ? icmp : ofProtocol(probe.protocol === 'tcp' ? 6 : 17, probe.port, probe.port);
  const packet = packetBetween(sender, at(probe.to), otherPort, { l4, ...(neighbour && !isIpv6 && { toPort: neighbour.nic.tap }) });
  const outcomes = evaluator.evaluate(packet);
  if (outcomes.some(({ end }) => end.is === 'undecided')) return 'undecided';
  return outcomes.some(({ end }) => end.is === 'delivered') ? 'open' : 'refused';
}

function isWithinZone({ zone }: Place & { kind: 'guest' }, address: string): boolean {
  return zone.subnets.some((subnet) => !subnet.includes(':') && address.startsWith(subnet.replace(/\.0\/\d+$/, '.')));
}

function isOwn({ zone }: Place & { kind: 'guest' }, address: string): boolean {
  return zone.hostAddresses.includes(address);
}
