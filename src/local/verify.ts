// Is everything that Caisson has on this machine somebody's, once, and as the store says? Works with a daemon and without one; changes nothing.
// What is in motion is no finding: whatever is found is looked for once more, and told only when it is still there.
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { type Clock, systemClock } from '../lib/clock.ts';
import { CaissonError, describeError } from '../lib/errors.ts';
import { checkFiles } from './verify/check-files.ts';
import { checkLeftovers } from './verify/check-leftovers.ts';
import { checkProcesses } from './verify/check-processes.ts';
import { checkState } from './verify/check-state.ts';
import { checkUserIds } from './verify/check-user-ids.ts';
import { bad, type Finding } from './verify/finding.ts';
import { type Machine, readMachine } from './verify/machine.ts';
import { readRecords, type Records } from './verify/records.ts';

/** Longer than a start, a stop or a write takes to come from one sound state to the next. */
const motionMs = 1500;
const looks = 3;

const order = { bad: 0, warning: 1, note: 2 } as const;

/** Throws `not-found` where there is no data directory, `not-allowed` for others than root. */
export async function verify(dataDirectory: string, clock: Clock = systemClock): Promise<Finding[]> {
  if (process.getuid?.() !== 0)
    throw new CaissonError('not-allowed', 'only root sees every process, namespace and file: run caisson verify as root');
  await access(join(dataDirectory, 'host.json')).catch(() => {
    throw new CaissonError('not-found', `${dataDirectory} is no data directory of Caisson: it has no host.json; give another --data`);
  });
  let found = await look(dataDirectory);
  for (let again = 1; again < looks && found.some(({ verdict }) => verdict !== 'note'); again++) {
    await clock.sleep(motionMs);
    const now = await look(dataDirectory);
    const still = new Set(now.map(({ found: text }) => text));
    found = found.filter((finding) => still.has(finding.found));
  }
  return found.toSorted((a, b) => order[a.verdict] - order[b.verdict]);
}

/** 0: nothing; 1: something is left over; 2: a guest, or what was acknowledged, is in danger. */
export function verifyExitCode(findings: readonly Finding[]): 0 | 1 | 2 {
  if (findings.some(({ verdict }) => verdict === 'bad')) return 2;
  return findings.some(({ verdict }) => verdict === 'warning') ? 1 : 0;
}

async function look(dataDirectory: string): Promise<Finding[]> {
  const machine = await readMachine(dataDirectory);
  let records: Records;
  try {
    records = await readRecords(dataDirectory);
  } catch (error) {
    if (!machine.data.includes('daemon.json') && !machine.data.includes('store.sqlite')) return checkAll(machine, nothing);
    return [
      bad(
        'state',
        `what the site should be cannot be read: ${describeError(error)}`,
        'restore store.sqlite and journal.sqlite from a backup',
      ),
    ];
  }
  return checkAll(machine, records);
}

/** Of a data directory that has not had a daemon yet. */
const nothing: Records = { guests: [], jobs: [], events: [] };

/** Pure. */
export function checkAll(machine: Machine, records: Records): Finding[] {
  return [
    ...checkProcesses(machine, records.guests),
    ...checkLeftovers(machine, records.guests),
    ...checkFiles(machine, records),
    ...checkState(records),
    ...checkUserIds(machine, records.guests),
  ];
}
