// A prober for simulated sites: a service answers when its guest has been running for its boot time, unless told otherwise.
import type { NetworkCheck, ProbeResult, Prober, ReachResult } from '../prober.ts';

export interface FakeProber extends Prober {
  /** What a check of this address answers from now on; undefined: as usual. */
  script(address: string, result: ProbeResult | undefined): void;
}

export function createFakeProber(isUp: (address: string) => boolean): FakeProber {
  const scripted = new Map<string, ProbeResult>();
  return {
    script(address, result) {
      if (result) scripted.set(address, result);
      else scripted.delete(address);
    },
    check: async (_check: NetworkCheck, address: string): Promise<ProbeResult> =>
      scripted.get(address) ?? (isUp(address) ? { ok: true } : { ok: false, why: 'connection refused' }),
    reachFromWorld: async (targets): Promise<ReachResult[]> =>
      targets.map(() => ({ got: 'unknown', source: '', detail: 'a simulated site has no world' })),
  };
}
