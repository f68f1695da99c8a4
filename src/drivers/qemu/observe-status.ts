// QEMU's run state → what is observed of a guest. Pure.
import type { Observation } from '../hypervisor.ts';
import type { QmpCommands } from './qmp-types.ts';

export type RunState = QmpCommands['query-status']['result']['status'];

/**
 * `noSpace`: the last disk error was a full disk. A state that this version does not know is told as paused: its processors
 * do not run, or QEMU would say `running`.
 */
export function observationOf(state: RunState, process: { pid: number; startedAt: number }, noSpace: boolean): Observation {
  const { pid, startedAt } = process;
  switch (state) {
    case 'running':
    case 'suspended': // asleep by its own wish; it wakes by itself
      return { state: 'running', pid, startedAt };
    case 'shutdown':
      return { state: 'halted', why: 'shut-down', pid, startedAt };
    case 'io-error':
      return { state: 'halted', why: noSpace ? 'no-space' : 'io-error', pid, startedAt };
    case 'guest-panicked':
      return { state: 'halted', why: 'panicked', pid, startedAt };
    case 'watchdog':
      return { state: 'halted', why: 'watchdog', pid, startedAt };
    case 'internal-error':
      return { state: 'halted', why: 'internal-error', pid, startedAt };
    default:
      return { state: 'paused', pid, startedAt };
  }
}

export function isSameObservation(a: Observation | undefined, b: Observation): boolean {
  if (a?.state !== b.state) return false;
  if (a.state === 'stopped' || b.state === 'stopped') return true;
  return a.pid === b.pid && (a.state === 'halted' ? a.why : '') === (b.state === 'halted' ? b.why : '');
}
