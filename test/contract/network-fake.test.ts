import { createFakeNetwork } from '../../src/drivers/fake/network.ts';
import { networkContract } from './network.contract.ts';

networkContract('fake', async () => {
  const network = createFakeNetwork({ uplinks: ['eth1'] });
  return {
    network,
    plug: async () => undefined,
    unplug: async () => undefined,
    flushRules: async () => network.loseRules('somebody flushed them'),
    killNames: async () => network.loseNames(),
    close: async () => undefined,
  };
});
