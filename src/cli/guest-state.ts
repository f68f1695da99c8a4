// The state of a guest as one word, and its colour. Pure.
import type { Guest } from '../model/guest-status.ts';
import type { Style } from './style.ts';

export function stateWord({ status: { power, ready } }: Guest): string {
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
