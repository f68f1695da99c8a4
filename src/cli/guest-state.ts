// The state of a guest as one word, or two, and its colour. Pure.
import type { Guest, HaltReason } from '../model/guest-status.ts';
import type { Style } from './style.ts';

const haltedWords: Record<HaltReason, string> = {
  'no-space': 'paused: no space',
  'io-error': 'paused: disk error',
  panicked: 'panicked',
  watchdog: 'hung: watchdog',
  'internal-error': 'paused: QEMU error',
  'shut-down': 'stopping',
};

export function stateWord({ status: { power, ready, haltedBy } }: Guest): string {
  if (power === 'halted' && haltedBy) return haltedWords[haltedBy];
  if (power !== 'running') return power;
  return ready ? 'ready' : 'not ready';
}

/** Amber: on its way, or waiting for somebody. Red: wrong. */
export function guestStyle(guest: Guest): Style | undefined {
  switch (guest.status.power) {
    case 'running':
      return guest.status.ready ? undefined : 'amber';
    case 'starting':
    case 'stopping':
    case 'paused':
      return 'amber';
    case 'stopped':
      return guest.wantedPower === 'running' ? 'amber' : 'dim';
    case 'halted':
    case 'crashed':
    case 'unresponsive':
      return 'red';
  }
}
