// The guests' network of a large host: rendered and applied by driver and helper, beside nft alone with the same text.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createNftablesNetwork } from '../src/drivers/nftables/network.ts';
import { renderRules } from '../src/drivers/nftables/render-rules.ts';
import { largeNetwork } from '../test/network/large-network.ts';
import { RealNetwork } from '../test/network/real-network.ts';
import type { Bench } from './figure.ts';
import { inPairs, timed } from './statistics.ts';

const apply = 'network/apply-1000-guests';
const rounds = 7;

export const bench: Bench = {
  figures: [{ name: apply, unit: 'ms', goal: { atMost: 1000 } }],
  async run({ report, signal }) {
    const state = largeNetwork(1000, 10_000);
    const folder = mkdtempSync(join(tmpdir(), 'caisson-bench-'));
    const path = join(folder, 'rules.nft');
    const real = new RealNetwork('bench');
    try {
      writeFileSync(path, renderRules(state).text);
      await real.open();
      // Each time as after the start of a host: nothing is in force.
      const ours = async () => {
        await real.network.remove();
        return timed(() => createNftablesNetwork({ helper: real.helper }).apply(state));
      };
      const nftAlone = async () => {
        await real.network.remove();
        return timed(() => execFileSync('ip', ['netns', 'exec', real.guestsNetwork, 'nft', '-f', path]));
      };
      const pairs = await inPairs({ rounds, signal }, ours, nftAlone);
      report(apply, { value: pairs.a, baseline: { what: 'nft alone with the same rules', value: pairs.b } });
    } finally {
      await real.close();
      rmSync(folder, { recursive: true, force: true });
    }
  },
};
