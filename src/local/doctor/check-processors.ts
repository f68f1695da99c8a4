// What guests' processors are made of: sockets, cores, threads, NUMA nodes; and huge pages.
import { parseProcessors } from '../../drivers/procfs/parse-sensors.ts';
import { type Check, ok, warning } from './check.ts';

export const processors: Check = {
  name: 'processors',
  async run(host) {
    const { sockets, cores, threads, model } = parseProcessors((await host.read('/proc/cpuinfo')) ?? '');
    if (threads === 0) {
      return warning('/proc/cpuinfo does not tell', 'Guests are given no more processors than the host has.', 'mount /proc');
    }
    const nodes = await countNodes((path) => host.exists(path));
    const huge = /\[(\w+)\]/.exec((await host.read('/sys/kernel/mm/transparent_hugepage/enabled')) ?? '')?.[1];
    const found = [
      `${threads}${model ? ` of ${model}` : ''} (${sockets} × ${Math.round(cores / sockets)} cores)`,
      ...(nodes > 1 ? [`${nodes} NUMA nodes`] : []),
      ...(huge ? [`transparent huge pages: ${huge}`] : []),
    ].join(', ');
    if (huge === 'never') {
      return warning(
        found,
        'A guest’s memory in small pages costs it a tenth of its speed.',
        'echo madvise > /sys/kernel/mm/transparent_hugepage/enabled',
      );
    }
    return ok(found);
  },
};

async function countNodes(exists: (path: string) => Promise<boolean>): Promise<number> {
  let nodes = 0;
  while (await exists(`/sys/devices/system/node/node${nodes}`)) nodes++;
  return nodes;
}
