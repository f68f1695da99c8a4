// Applies the example without a namespace of its own, as a host does that is started without one: the program is run inside the namespace that
// stands for that host. Ends when its input ends.
import { createNftablesNetwork } from '../../src/drivers/nftables/network.ts';
import { createKernelNetwork } from '../../src/helper/network/kernel-network.ts';
import { silentLog } from '../../src/lib/log.ts';
import { exampleNetwork } from './example-network.ts';

const [folder = '', ...taps] = process.argv.slice(2);
const network = createNftablesNetwork({ helper: createKernelNetwork({ folder, userId: 1_899_999_999, log: silentLog }) });
await network.apply(exampleNetwork);
for (const tap of taps) await network.connect(tap);
process.stdout.write(`${JSON.stringify((await network.observe()).rules)}\n`);
process.stdin.resume();
process.stdin.once('end', () => void network.remove().then(() => process.exit(0)));
