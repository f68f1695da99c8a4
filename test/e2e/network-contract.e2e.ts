import { readFileSync } from 'node:fs';
import { exampleNetwork } from '../network/example-network.ts';
import { RealNetwork } from '../network/real-network.ts';
import { networkContract } from '../contract/network.contract.ts';

networkContract('nftables', async () => {
  const real = new RealNetwork('contr');
  await real.open();
  return {
    network: real.network,
    plug: async (nic) => void (await real.plug(nic, exampleNetwork)),
    unplug: (nic) => real.unplug(nic),
    flushRules: async () => void (await real.nft(real.guestsNetwork, 'flush ruleset')),
    killNames: async () =>
      void process.kill((JSON.parse(readFileSync(`${real.folder}/network/dnsmasq.json`, 'utf8')) as { pid: number }).pid, 'SIGKILL'),
    close: () => real.close(),
  };
});
