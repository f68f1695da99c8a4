// Trying from the world and from probes in the zones, which takes root: the helper does it.
import type { Prober, ProbeTarget } from '../prober.ts';
import type { HelperCaller } from './helper-client.ts';

export function helperProbes(helper: HelperCaller): Omit<Prober, 'check' | 'ownAddresses'> {
  return {
    reachFromWorld: async (targets, uplinks) => (await helper.call('worldProbe', { targets: plain(targets), uplinks: [...uplinks] })).lines,
    worldAddresses: async (uplinks) => (await helper.call('worldProbe', { targets: [], uplinks: [...uplinks] })).addresses,
    async openProbe(plug) {
      const { uid } = plug;
      await helper.call('probeOpen', plug);
      return {
        reach: async (targets) => (await helper.call('probeRun', { uid, targets: plain(targets) })).lines,
        async close() {
          await helper.call('probeClose', { uid });
        },
      };
    },
  };
}

/** Without whatever else a target carries: the helper refuses fields that it does not know. */
function plain(targets: readonly ProbeTarget[]): ProbeTarget[] {
  return targets.map(({ protocol, address, port }) => ({ protocol, address, port }));
}
