// What somebody has to look at, the worst first: guests that are not as they should be, and what the host says of itself. The sentences are
// the engine’s. Pure.
import type { Guest } from '../../model/guest-status.ts';
import type { Host } from '../../model/host.ts';
import type { ZoneCheck } from '../../model/zone-check.ts';
import { stateOf, type Tone } from './guest-state.ts';

export interface Need {
  tone: Tone;
  /** The guest that it is about; absent: the host or its network. */
  guest?: Guest;
  about: 'guest' | 'network' | 'memory' | 'disk' | 'filtering';
  /** The engine’s sentence; empty where the state says all. */
  why: string;
}

const tones: readonly Tone[] = ['red', 'unknown', 'amber', 'quiet', 'off'];

export function needsYou(guests: readonly Guest[], host: Host | undefined, check: ZoneCheck | undefined): Need[] {
  const needs: Need[] = [];
  if (host && !host.network.rulesInForce && host.guests.defined > 0)
    needs.push({ tone: 'red', about: 'network', why: host.network.problem ?? '' });
  else if (host?.network.problem !== undefined) needs.push({ tone: 'red', about: 'network', why: host.network.problem });
  for (const why of host?.network.warnings ?? []) needs.push({ tone: 'amber', about: 'network', why });
  if (host?.pressure && (host.pressure.waiting?.full ?? 0) > 0.1) needs.push({ tone: 'amber', about: 'memory', why: '' });
  for (const { problem } of host?.disks ?? []) if (problem !== undefined) needs.push({ tone: 'amber', about: 'disk', why: problem });
  if (check && !check.ok) needs.push({ tone: 'red', about: 'filtering', why: '' });
  for (const guest of guests) {
    const { tone } = stateOf(guest);
    // What somebody did on purpose needs nobody.
    if (tone === 'quiet' || tone === 'off' || (guest.status.power === 'paused' && guest.wantedPower === 'paused')) continue;
    needs.push({ tone, about: 'guest', guest, why: guest.status.reason });
  }
  const rank = ({ tone, guest }: Need) => tones.indexOf(tone) * 100 + (guest ? stateOf(guest).rank : 0);
  return needs.toSorted((a, b) => rank(a) - rank(b) || (a.guest?.name ?? '').localeCompare(b.guest?.name ?? ''));
}
