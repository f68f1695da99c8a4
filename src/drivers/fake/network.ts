// A network in memory, for tests and simulated sites: it keeps the contract and carries nothing.
import { CaissonError } from '../../lib/errors.ts';
import type { NetworkState } from '../../model/network-state.ts';
import type { Network } from '../network.ts';

export interface FakeNetwork extends Network {
  /** What was applied last. */
  readonly state: NetworkState | undefined;
  /** The rules are gone, as if somebody had flushed them; undefined: they are in force again with the next `apply`. */
  loseRules(why: string): void;
  /** The next `apply` fails with this. */
  failNext(error: CaissonError): void;
}

export function createFakeNetwork(): FakeNetwork {
  let state: NetworkState | undefined;
  let lost: string | undefined;
  let failure: CaissonError | undefined;
  const up = new Set<string>();
  return {
    get state() {
      return state;
    },
    loseRules(why) {
      lost = why;
    },
    failNext(error) {
      failure = error;
    },
    async apply(wanted) {
      const error = failure;
      failure = undefined;
      if (error) throw error;
      state = structuredClone(wanted);
      lost = undefined;
    },
    async connect(tap) {
      if (!state || lost !== undefined) throw new CaissonError('not-allowed', `tap ${tap} stays unconnected: the rules are not in force`);
      if (!state.nics.some((nic) => nic.tap === tap)) throw new CaissonError('not-allowed', `no nic of the applied network has the tap ${tap}`);
      up.add(tap);
    },
    async disconnect(tap) {
      up.delete(tap);
    },
    observe: async () => ({
      rules: state && lost === undefined ? { inForce: true } : { inForce: false, why: lost ?? 'nothing has been applied' },
      taps: [...up],
      names: { running: state !== undefined },
    }),
    async remove() {
      state = undefined;
      up.clear();
    },
  };
}
