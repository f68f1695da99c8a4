// What the evaluator says of a probe that is also sent for real.
import type { NetworkNic, NetworkState } from '../../src/model/network-state.ts';
import { Evaluator } from '../../src/plan/rules/evaluator.ts';
import { ofProtocol, ofTypes } from '../../src/plan/rules/l4-ranges.ts';
import type { Outcome } from '../../src/plan/rules/packet.ts';
import { type Place, at, findPlaces, outside, packetBetween } from '../../src/plan/rules/places.ts';
import { Routes } from '../../src/plan/rules/routes.ts';
import { readRuleset } from '../../src/plan/rules/ruleset.ts';
import type { Probe } from './inside.ts';
import { world } from './real-network.ts';

const known = new Map<string, Evaluator>();

/** A new connection to a TCP port; `flood`: one of more than are let through. */
export function decideNew(
  json: string,
  state: NetworkState,
  { from, to, port }: { from: { kind: 'world'; address: string }; to: string; port: number },
  flood?: 'flow',
): Decided {
  const packet = packetBetween(outside('world', from.address, 'eth1'), at(to), 40_000, {
    l4: ofProtocol(6, port, port),
    ...(flood && { flood }),
  });
  return decided(evaluatorOf(json, state).evaluate(packet));
}

/** More of a TCP connection that earlier rules let pass. */
export function decideEarlier(json: string, state: NetworkState, nic: NetworkNic, to: string, port: number): Decided {
  const sender = findPlaces(state, []).guests.find((guest) => guest.nic === nic && guest.address.includes(':') === to.includes(':'));
  if (!sender) return 'undecided';
  const connection = { state: 'established' as const, isReply: false, mark: 1 };
  return decided(
    evaluatorOf(json, state).evaluate(packetBetween(sender, at(to), 40_000, { l4: ofProtocol(6, port, port), connection, tcpFlags: 16 })),
  );
}

type Decided = 'open' | 'refused' | 'undecided';

function evaluatorOf(json: string, state: NetworkState): Evaluator {
  let evaluator = known.get(json);
  if (!evaluator) known.set(json, (evaluator = new Evaluator(readRuleset(json), new Routes(state))));
  return evaluator;
}

function decided(outcomes: readonly Outcome[]): Decided {
  if (outcomes.some(({ end }) => end.is === 'undecided')) return 'undecided';
  return outcomes.some(({ end }) => end.is === 'delivered') ? 'open' : 'refused';
}

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
  return decided(evaluator.evaluate(packet));
}

function isWithinZone({ zone }: Place & { kind: 'guest' }, address: string): boolean {
  return zone.subnets.some((subnet) => !subnet.includes(':') && address.startsWith(subnet.replace(/\.0\/\d+$/, '.')));
}

function isOwn({ zone }: Place & { kind: 'guest' }, address: string): boolean {
  return zone.hostAddresses.includes(address);
}
