// Stands in where the guests' network is not wanted: every verb of it is refused, taking it away has nothing to do.
import { CaissonError } from '../lib/errors.ts';
import type { NetworkHelper } from '../model/network-helper.ts';

export function createNoNetwork(): NetworkHelper {
  const refuse = async (): Promise<never> => {
    throw new CaissonError('unsupported', 'this helper was started without a network');
  };
  return {
    rulesApply: refuse,
    rulesRead: refuse,
    zonesApply: refuse,
    nicUp: refuse,
    nicDown: refuse,
    linksRead: refuse,
    dnsmasqStart: refuse,
    dnsmasqReload: refuse,
    dnsmasqStop: refuse,
    dnsmasqStatus: refuse,
    networkRemove: async () => null,
  };
}
