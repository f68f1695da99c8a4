// Memory and swap.
import { formatSize } from '../../lib/units.ts';
import { bad, type Check, ok, warning } from './check.ts';

const mib = 1024 * 1024;

export const memory: Check = {
  name: 'memory',
  async run(host) {
    const meminfo = (await host.read('/proc/meminfo')) ?? '';
    const bytes = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(meminfo)?.[1] ?? Number.NaN) * 1024;
    const [total, available] = [bytes('MemTotal'), bytes('MemAvailable')];
    if (Number.isNaN(total) || Number.isNaN(available)) {
      return bad('/proc/meminfo does not tell', 'Guests are admitted by the memory that is there.', 'mount /proc');
    }
    const found = `${formatSize(total)}, ${formatSize(available)} available`;
    if (available < 256 * mib) return bad(found, 'That is too little for a single guest.', 'end programs, or add memory');
    if (available < 1024 * mib) return warning(found, 'That is enough for one or two small guests.', 'end programs, or add memory');
    return ok(found);
  },
};

export const swap: Check = {
  name: 'swap',
  async run(host) {
    const lines = ((await host.read('/proc/swaps')) ?? '')
      .split('\n')
      .slice(1)
      .filter((line) => line.trim() !== '');
    if (lines.length === 0) return ok('none');
    const fields = lines.map((line) => line.split(/\s+/));
    const bytes = fields.reduce((sum, [, , size]) => sum + Number(size) * 1024, 0);
    return warning(
      `${formatSize(bytes)} on ${fields.map(([name]) => name).join(', ')}`,
      'A host that swaps lets all its guests stall at once, and writes their memory, passwords and keys included, to a disk.',
      'swapoff --all, and take the swap lines out of /etc/fstab (zram: remove its package)',
    );
  },
};
