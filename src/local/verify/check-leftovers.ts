// What is left on the machine without an owner: control groups, taps, namespaces, run folders, starts that never came to an end. Pure.
import type { GuestRecord } from '../../model/guest-status.ts';
import { bad, type Finding, warning } from './finding.ts';
import { guestOf } from './check-processes.ts';
import { guestOfTap, type Machine } from './machine.ts';

/** Of the helper and the daemon, right in the run directory. */
const ownNames = new Set(['network', 'jail', 'api.sock', 'relay.sock', 'netns.json']);

export function checkLeftovers(machine: Machine, guests: readonly GuestRecord[]): Finding[] {
  const known = new Set(guests.map((guest) => guest.uid));
  const running = new Set(machine.processes.map((process) => guestOf(process, machine)));
  return [...checkGroups(machine, known), ...checkTaps(machine, running), ...checkRun(machine, known, running), ...checkNamespace(machine)];
}

function checkGroups({ groups }: Machine, known: ReadonlySet<string>): Finding[] {
  return groups
    .filter(({ uid, pids }) => !known.has(uid) && pids.length === 0)
    .map(({ uid, path }) => warning('leftovers', `the control group ${path} is of ${uid}, which the site does not know`, `rmdir ${path}`));
}

function checkTaps({ taps, host }: Machine, running: ReadonlySet<string | undefined>): Finding[] {
  return taps.flatMap(({ name, namespace, userId }) => {
    const uid = guestOfTap(name);
    const isOurs = userId !== undefined && userId >= host.userIdBase && userId < host.userIdBase + host.userIdCount;
    if (!isOurs || running.has(uid)) return [];
    const where = namespace === undefined ? '' : ` -n ${namespace}`;
    const found = `the tap ${name}${namespace === undefined ? '' : ` in namespace ${namespace}`} is left of guest ${uid}, which does not run`;
    return [warning('leftovers', found, `start the daemon, which removes it, or: ip${where} link delete dev ${name}`)];
  });
}

function checkRun(machine: Machine, known: ReadonlySet<string>, running: ReadonlySet<string | undefined>): Finding[] {
  const { runDirectory } = machine.host;
  const guestsRunning = [...running].filter((uid) => uid !== undefined);
  if (!machine.run) {
    if (guestsRunning.length === 0) return [];
    return [
      bad(
        'leftovers',
        `${runDirectory} is gone while ${guestsRunning.length} guests run: nobody can talk to them`,
        'restart the daemon; then restart each guest from within when it suits: they run on until then',
      ),
    ];
  }
  const sockets = guestsRunning
    .filter((uid) => known.has(uid) && !machine.run?.includes(uid))
    .map((uid) =>
      bad(
        'leftovers',
        `${runDirectory}/${uid} is gone while guest ${uid} runs: nobody can talk to it`,
        `restart the guest from within when it suits; it runs on until then`,
      ),
    );
  const strangers = machine.run
    .filter((name) => !ownNames.has(name) && !known.has(name) && !running.has(name))
    .map((name) => warning('leftovers', `${runDirectory}/${name} belongs to nobody`, `rm -r ${runDirectory}/${name}`));
  const unfinished = machine.unfinishedStarts.map((path) =>
    warning('leftovers', `${path} is left of a start that did not come to its end`, `start the daemon, which removes it, or: rm ${path}`),
  );
  return [...sockets, ...strangers, ...unfinished];
}

function checkNamespace({ madeNamespace }: Machine): Finding[] {
  if (!madeNamespace || madeNamespace.exists) return [];
  return [
    bad(
      'leftovers',
      `the guests’ network namespace ${madeNamespace.name} is gone: no guest has a network`,
      'restart the daemon, which makes it again, then the guests',
    ),
  ];
}
