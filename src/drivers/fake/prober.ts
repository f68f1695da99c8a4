// A prober for simulated sites: a service answers when its guest has been running for its boot time, unless told otherwise, and probes
// reach what they are told that they may.
import type { NetworkCheck, ProbeResult, Prober, ProbePlug, ProbeTarget, ReachResult } from '../prober.ts';

export interface FakeProber extends Prober {
  /** What a check of this address answers from now on; undefined: as usual. */
  script(address: string, result: ProbeResult | undefined): void;
  /** Probes that are open, by uid. */
  readonly open: ReadonlyMap<string, ProbePlug>;
  /** What opening a probe fails with, from now on. */
  failOpen?: ((plug: ProbePlug) => Error | undefined) | undefined;
}

export interface FakeProberOptions {
  isUp: (address: string) => boolean;
  mayReach: (source: string, target: ProbeTarget) => boolean;
}

export function createFakeProber({ isUp, mayReach }: FakeProberOptions): FakeProber {
  const scripted = new Map<string, ProbeResult>();
  const open = new Map<string, ProbePlug>();
  const reach = (plug: ProbePlug, target: ProbeTarget): ReachResult => {
    const isIpv6 = (address: string) => address.includes(':');
    const source = plug.addresses.find((address) => isIpv6(address) === isIpv6(target.address))?.split('/')[0];
    if (source === undefined) return { got: 'refused', source: '', detail: 'Network is unreachable' };
    const got = mayReach(source, target) ? 'open' : 'refused';
    return { got, source, detail: got === 'open' ? 'connected' : 'No route to host' };
  };
  const prober: FakeProber = {
    open,
    script(address, result) {
      if (result) scripted.set(address, result);
      else scripted.delete(address);
    },
    check: async (_check: NetworkCheck, address: string): Promise<ProbeResult> =>
      scripted.get(address) ?? (isUp(address) ? { ok: true } : { ok: false, why: 'connection refused' }),
    reachFromWorld: async (targets): Promise<ReachResult[]> =>
      targets.map(() => ({ got: 'no-way', source: '', detail: 'a simulated site has no world' })),
    worldAddresses: async () => [],
    ownAddresses: () => [],
    async openProbe(plug) {
      const failure = prober.failOpen?.(plug);
      if (failure) throw failure;
      open.set(plug.uid, plug);
      return {
        reach: async (targets) => targets.map((target) => reach(plug, target)),
        async close() {
          open.delete(plug.uid);
        },
      };
    },
  };
  return prober;
}
