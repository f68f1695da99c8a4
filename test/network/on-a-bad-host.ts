// Applies a network as a host does that something is wrong with: the program is run inside the namespaces that stand for that host, without a
// network namespace of its own. Prints one line of JSON: the error's code and message, or null. What it has applied it takes away again, with an owner
// when its input ends.
import { createNftablesNetwork } from '../../src/drivers/nftables/network.ts';
import { createKernelNetwork } from '../../src/helper/network/kernel-network.ts';
import { CaissonError } from '../../src/lib/errors.ts';
import { silentLog } from '../../src/lib/log.ts';
import type { NetworkState } from '../../src/model/network-state.ts';

const [folder = '', state = '', owner = ''] = process.argv.slice(2);
const helper = createKernelNetwork({
  folder,
  userId: 1_899_999_999,
  log: silentLog,
  ...(owner && { claim: { folder: `${folder}-claims`, owner } }),
});
const network = createNftablesNetwork({ helper });
const outcome = await network.apply(JSON.parse(state) as NetworkState).then(
  () => null,
  (error: unknown) =>
    error instanceof CaissonError ? { code: error.code, message: error.message } : { code: 'none', message: String(error) },
);
process.stdout.write(`${JSON.stringify(outcome)}\n`);
if (!outcome && !owner) await network.remove();
else if (!outcome) {
  process.stdin.resume();
  process.stdin.once('end', () => void network.remove().then(() => process.exit(0)));
}
