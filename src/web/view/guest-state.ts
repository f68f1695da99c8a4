// The state of a guest as the page shows it: which word, and whether it wants attention. Pure.
import type { Guest } from '../../model/guest-status.ts';

export type StateWord =
  | 'ready'
  | 'not-ready'
  | 'stopped'
  | 'starting'
  | 'paused'
  | 'stopping'
  | 'halted'
  | 'crashed'
  | 'unresponsive'
  | 'waiting';

/** `amber` waits, `red` is broken, `unknown` nobody can say; everything else is quiet. */
export type Tone = 'quiet' | 'off' | 'amber' | 'red' | 'unknown';

export interface GuestState {
  word: StateWord;
  tone: Tone;
  /** Of two, the one that wants attention first is the smaller. */
  rank: number;
}

const ranks: Record<StateWord, number> = {
  crashed: 0,
  halted: 1,
  unresponsive: 2,
  'not-ready': 3,
  waiting: 4,
  starting: 5,
  stopping: 6,
  paused: 7,
  ready: 8,
  stopped: 9,
};

export function stateOf({ status: { power, ready }, wantedPower }: Pick<Guest, 'status' | 'wantedPower'>): GuestState {
  const state = (word: StateWord, tone: Tone): GuestState => ({ word, tone, rank: ranks[word] });
  switch (power) {
    case 'running':
      return ready ? state('ready', 'quiet') : state('not-ready', 'amber');
    case 'stopped':
      return wantedPower === 'running' ? state('waiting', 'amber') : state('stopped', 'off');
    case 'starting':
    case 'stopping':
    case 'paused':
      return state(power, 'amber');
    case 'halted':
    case 'crashed':
      return state(power, 'red');
    case 'unresponsive':
      return state(power, 'unknown');
  }
}
