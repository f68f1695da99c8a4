// Which action is legal in which state: one table for the engine, the command line and the page.
import type { PowerState } from './guest-status.ts';

export const guestActions = ['start', 'shutdown', 'stop', 'reboot', 'pause', 'resume', 'console', 'rename', 'delete'] as const;
export type GuestAction = (typeof guestActions)[number];

const legal: Record<GuestAction, readonly PowerState[]> = {
  start: ['stopped', 'crashed'],
  shutdown: ['running'],
  stop: ['starting', 'running', 'paused', 'stopping', 'halted', 'unresponsive'],
  reboot: ['running', 'halted'],
  pause: ['running'],
  resume: ['paused', 'halted'],
  console: ['running', 'paused', 'stopping', 'halted'],
  rename: ['stopped', 'starting', 'running', 'paused', 'stopping', 'halted', 'crashed', 'unresponsive'],
  delete: ['stopped', 'crashed'],
};

export function isLegal(action: GuestAction, power: PowerState): boolean {
  return legal[action].includes(power);
}

export function legalActions(power: PowerState): GuestAction[] {
  return guestActions.filter((action) => isLegal(action, power));
}

/** For a screen that there is none of. */
export function explainNoDisplay(name: string): string {
  return `guest “${name}” has no display: give it “display: vga” in the site file; it gets it at its next start`;
}

/** Why the action cannot be, and what to do instead: for a refusal. */
export function explainIllegal(action: GuestAction, name: string, power: PowerState): string {
  const ways = legalActions(power).filter((other) => other !== 'console' && other !== 'rename');
  return `guest “${name}” is ${power}: ${action} needs it to be ${legal[action].join(' or ')}${ways.length > 0 ? `; possible now: ${ways.join(', ')}` : ''}`;
}
