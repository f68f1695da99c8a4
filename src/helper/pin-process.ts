// On which of the host's processors a guest's process runs. The kernel keeps it for each thread and gives it on to new ones; QEMU's sandbox
// does not let it be changed from inside. It needs no control group, so it is the same wherever groups differ.
import { availableParallelism } from 'node:os';
import { readFileSync } from 'node:fs';
import { CaissonError } from '../lib/errors.ts';
import { run } from '../lib/exec.ts';

const onlinePath = '/sys/devices/system/cpu/online';

/** All of its threads; without `processors` on all there are. */
export async function pinProcess(pid: number, processors: readonly number[] | undefined): Promise<void> {
  const list = processors ? processors.join(',') : allProcessors();
  // Twice: a thread that is made meanwhile by one that was not pinned yet.
  for (let round = 0; round < 2; round++) {
    await run(['taskset', '--all-tasks', '--pid', '--cpu-list', list, String(pid)]).catch((cause: unknown) => {
      throw new CaissonError('failed', `process ${pid} cannot be put on the host's processors ${list}: are all of them there?`, { cause });
    });
  }
}

function allProcessors(): string {
  try {
    return readFileSync(onlinePath, 'latin1').trim();
  } catch {
    return `0-${availableParallelism() - 1}`;
  }
}
