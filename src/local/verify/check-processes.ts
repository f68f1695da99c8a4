// Processes of guests: each belongs to a guest that the site knows, once, with its user, its limits and its launch record; and nobody else
// writes its disks. Pure.
import type { GuestRecord } from '../../model/guest-status.ts';
import { bad, type Finding, warning } from './finding.ts';
import type { Machine, SeenProcess } from './machine.ts';

export function checkProcesses(machine: Machine, guests: readonly GuestRecord[]): Finding[] {
  const known = new Map(guests.map((guest) => [guest.uid, guest]));
  const ours = machine.processes.flatMap((process) => {
    const uid = guestOf(process, machine);
    return uid === undefined ? [] : [{ ...process, uid }];
  });
  return [
    ...ours.flatMap((process) => checkOne(process, machine, known.get(process.uid))),
    ...checkOnce(ours, known),
    ...checkWriters(machine, known),
    ...checkNames(machine),
    ...checkForeign(machine, new Set(ours.map(({ pid }) => pid))),
  ];
}

/** The guest that a process is of: by its control group; a QEMU outside of one by the paths that it was started with. */
export function guestOf(process: SeenProcess, machine: Machine): string | undefined {
  if (process.group !== undefined) return process.group;
  if (!process.program.startsWith('qemu-system')) return undefined;
  for (const argument of process.argv) {
    const uid = argument.split(`${machine.host.runDirectory}/`)[1]?.split('/')[0];
    if (uid !== undefined && /^g\w{10}$/.test(uid)) return uid;
  }
  return undefined;
}

function checkOne(process: SeenProcess & { uid: string }, machine: Machine, guest: GuestRecord | undefined): Finding[] {
  const { pid, uid, startTime } = process;
  if (!guest)
    return [
      bad(
        'processes',
        `process ${pid} runs guest ${uid}, which the site does not know`,
        `when nobody needs it: kill ${pid}; when it should be known, the store is not the one that started it`,
      ),
    ];
  const found: Finding[] = [];
  const mend = `shut the guest down and start it again: caisson guest shutdown ${guest.name}`;
  if (process.group === undefined)
    found.push(bad('processes', `process ${pid} of guest ${guest.name} runs without limits, in no control group`, mend));
  if (process.userId !== guest.userId)
    found.push(
      bad('processes', `process ${pid} of guest ${guest.name} runs as user ${process.userId}, not as its own (${guest.userId})`, mend),
    );
  const record = machine.guests.find((folder) => folder.name === uid)?.record;
  if (!record || record.pid !== pid || record.startTime !== startTime || record.bootId !== machine.bootId)
    found.push(bad('processes', `process ${pid} of guest ${guest.name} is not the one of its launch record`, mend));
  else if (record.generation > guest.generation)
    found.push(
      bad(
        'state',
        `guest ${guest.name} was started with generation ${record.generation}, and the store knows ${guest.generation}: it is older than the guest`,
        'restore the newer store.sqlite before anything else is changed',
      ),
    );
  return found;
}

function checkOnce(ours: readonly (SeenProcess & { uid: string })[], known: ReadonlyMap<string, GuestRecord>): Finding[] {
  const uids = [...new Set(ours.map(({ uid }) => uid))];
  return uids.flatMap((uid) => {
    // The start of one is a chain of small programs in one process; helpers of QEMU do not exist.
    const pids = ours.filter((process) => process.uid === uid).map(({ pid }) => pid);
    if (pids.length < 2) return [];
    const name = known.get(uid)?.name ?? uid;
    return [
      bad(
        'once',
        `guest ${name} runs ${pids.length} times: processes ${pids.join(', ')}`,
        `end all but the one that serves, now: kill PID`,
      ),
    ];
  });
}

function checkWriters(machine: Machine, known: ReadonlyMap<string, GuestRecord>): Finding[] {
  const disks = [...new Set(machine.processes.flatMap((process) => process.disks))].toSorted();
  return disks.flatMap((disk) => {
    const writers = machine.processes.filter((process) => process.disks.includes(disk));
    const uid = /\/guests\/(\w+)\//.exec(disk)?.[1] ?? '';
    const name = known.get(uid)?.name ?? uid;
    const strangers = writers.filter((process) => guestOf(process, machine) !== uid);
    if (writers.length > 1)
      return [
        bad(
          'once',
          `${disk} of guest ${name} is written by ${writers.length} processes: ${writers.map(({ pid }) => pid).join(', ')}`,
          'end all but one, now: kill PID',
        ),
      ];
    return strangers.map(({ pid, program }) =>
      bad(
        'once',
        `${disk} of guest ${name} is open for writing in process ${pid} (${program}), which is not the guest’s`,
        `end it before the guest starts: kill ${pid}`,
      ),
    );
  });
}

/** DHCP and names of this data directory: one process, the one that is written down. */
function checkNames(machine: Machine): Finding[] {
  const config = `--conf-file=${machine.host.runDirectory}/network/`;
  return machine.processes
    .filter((process) => process.program === 'dnsmasq' && process.argv.some((argument) => argument.startsWith(config)))
    .filter(({ pid, startTime }) => machine.names?.pid !== pid || machine.names.startTime !== startTime)
    .map(({ pid }) => warning('processes', `process ${pid} (dnsmasq) serves names for guests, and no helper knows it`, `kill ${pid}`));
}

/** Nobody but guests and the name service runs as one of the users that belong to this data directory. */
function checkForeign(machine: Machine, ours: ReadonlySet<number>): Finding[] {
  const { userIdBase, userIdCount, runDirectory } = machine.host;
  return machine.processes
    .filter(({ pid, userId }) => userId >= userIdBase && userId < userIdBase + userIdCount && !ours.has(pid))
    .filter(({ program, argv }) => !(program === 'dnsmasq' && argv.some((argument) => argument.includes(`${runDirectory}/`))))
    .map(({ pid, program, userId }) =>
      warning(
        'processes',
        `process ${pid} (${program}) runs as user ${userId}, which belongs to this data directory, and is none of its guests`,
        `find out what it is; when nobody needs it: kill ${pid}`,
      ),
    );
}
