// Space where the guests' disks and the images will lie.
import { formatSize } from '../../lib/units.ts';
import { bad, type Check, type Finding, ok, warning } from './check.ts';
import type { DoctorHost } from './host.ts';

const gib = 1024 ** 3;

export function dataSpace(path: string): Check {
  return { name: 'data', run: (host) => checkSpace(host, path, { bad: gib, warning: 10 * gib, holds: 'the guests’ disks and the site' }) };
}

export function cacheSpace(path: string): Check {
  return { name: 'cache', run: (host) => checkSpace(host, path, { bad: 0, warning: 5 * gib, holds: 'images being built' }) };
}

async function checkSpace(host: DoctorHost, path: string, limits: { bad: number; warning: number; holds: string }): Promise<Finding> {
  const { freeBytes, freeFiles, volatile } = await host.space(path);
  const found = `${path}: ${formatSize(freeBytes)} free`;
  const explanation = `It holds ${limits.holds}. A guest whose disk cannot grow is halted.`;
  const mend = 'make space, or give another directory (--data DIR)';
  if (freeBytes < limits.bad) return bad(found, explanation, mend);
  if (freeBytes < limits.warning) return warning(found, explanation, mend);
  if (freeFiles < 10_000) return warning(`${path}: ${freeFiles} files free`, explanation, 'remove many small files');
  if (volatile)
    return warning(`${found}, in memory`, `It holds ${limits.holds}, and all of it is gone after a restart.`, 'give a directory on a disk');
  return ok(found);
}
