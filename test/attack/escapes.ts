// What a program that has taken over a guest's QEMU might try, and what each attempt is for. Nothing here hurts when it succeeds.
import type { Argument, InsideProcess, Outcome, SystemCall } from './inside-process.ts';

/** What is outside, of which a guest knows everything but can touch nothing. */
export interface Outside {
  /** Files of others: another guest's disk, the store, the machine's password file, … */
  files: Record<string, string>;
  /** Unix sockets of others. */
  sockets: Record<string, string>;
  /** TCP port of the API on 127.0.0.1. */
  port: number;
  /** Processes of others. */
  processes: Record<string, number>;
  /** The guest's own disk, the folders of its disks and of its sockets, and a file that it may only read. */
  own: { disk: string; disks: string; sockets: string; readOnly: string };
}

export interface Escape {
  name: string;
  attempt(inside: InsideProcess): Promise<Outcome>;
}

const unix = (path: string) => Buffer.concat([Buffer.from([1, 0]), Buffer.from(path), Buffer.alloc(1)]);
const ipv4 = (address: number[], port: number) => Buffer.from([2, 0, port >> 8, port & 255, ...address, 0, 0, 0, 0, 0, 0, 0, 0]);
const readWrite = 2;
const pointers = (...values: number[]) => {
  const bytes = Buffer.alloc(values.length * 8);
  for (const [index, value] of values.entries()) bytes.writeBigUInt64LE(BigInt(value), index * 8);
  return bytes;
};

/** Calls one after the other; a call is given what the one before came to, and the first that fails ends it. */
function calls(...steps: ((last: number) => [SystemCall, ...Argument[]])[]): Escape['attempt'] {
  return async (inside) => {
    let outcome: Outcome = { result: 0 };
    for (const step of steps) {
      outcome = await inside.call(...step('result' in outcome ? outcome.result : 0));
      if (!('result' in outcome) || outcome.result < 0) break;
    }
    return outcome;
  };
}

const one = (...call: [SystemCall, ...Argument[]]) => calls(() => call);
const connect = (address: Buffer, domain: number, type = 1) =>
  calls(
    () => ['socket', domain, type, 0],
    (socket) => ['connect', socket, address, address.length],
  );

export function escapes(outside: Outside): Escape[] {
  const each = <T>(all: Record<string, T>, make: (name: string, value: T) => Escape[]) =>
    Object.entries(all).flatMap(([name, value]) => make(name, value));
  const flags = { newUser: 0x1000_0000, newNet: 0x4000_0000, newNs: 0x0002_0000, childEnds: 17 };
  return [
    ...each(outside.files, (name, path) => [
      { name: `read ${name}`, attempt: one('open', path, 0) },
      { name: `write ${name}`, attempt: one('open', path, readWrite) },
      {
        name: `ask for a handle of ${name}`,
        attempt: one('nameToHandleAt', -100, path, Buffer.from('80000000'.padEnd(272, '0'), 'hex'), Buffer.alloc(4), 0),
      },
    ]),
    {
      name: 'link another’s disk to a name of its own',
      attempt: one('link', outside.files['another guest’s disk'] ?? '', `${outside.own.disks}/stolen`),
    },
    ...each(outside.sockets, (name, path) => [{ name: `connect to ${name}`, attempt: connect(unix(path), 1) }]),
    { name: 'connect to the API on 127.0.0.1', attempt: connect(ipv4([127, 0, 0, 1], outside.port), 2) },
    { name: 'send frames', attempt: calls(() => ['socket', 17, 3, 0]) },
    { name: 'send raw packets', attempt: calls(() => ['socket', 2, 3, 1]) },
    {
      name: 'make a tap of its own',
      attempt: calls(
        () => ['open', '/dev/net/tun', readWrite],
        (tun) => [
          'ioctl',
          tun,
          0x400454ca,
          Buffer.concat([Buffer.from('csgescape0\0\0\0\0\0\0'), Buffer.from([2, 0x10]), Buffer.alloc(22)]),
        ],
      ),
    },
    ...each(outside.processes, (name, pid) => [
      { name: `signal ${name}`, attempt: one('kill', pid, 0) },
      { name: `trace ${name}`, attempt: one('ptrace', 0x4206, pid, 0, 0) },
      {
        name: `take a file from ${name}`,
        attempt: calls(
          () => ['pidfdOpen', pid, 0],
          (descriptor) => ['pidfdGetfd', descriptor, 0, 0],
        ),
      },
      {
        name: `enter the network of ${name}`,
        attempt: calls(
          () => ['pidfdOpen', pid, 0],
          (descriptor) => ['setns', descriptor, flags.newNet],
        ),
      },
      { name: `look at ${name} by /proc`, attempt: one('open', `/proc/${pid}/root`, 0) },
    ]),
    { name: 'run a program', attempt: one('execve', '/bin/true', 0, 0) },
    {
      name: 'run a program by a file descriptor',
      attempt: calls(
        () => ['open', '/usr/bin/true', 0],
        (file) => ['execveat', file, '', 0, 0, 0x1000],
      ),
    },
    { name: 'fork', attempt: one('fork') },
    { name: 'clone a process', attempt: one('clone', flags.childEnds, 0, 0, 0, 0) },
    { name: 'clone a process the new way', attempt: one('clone3', Buffer.concat([pointers(0, 0, 0, 0, flags.childEnds, 0, 0, 0)]), 64) },
    { name: 'clone into a user namespace', attempt: one('clone', flags.newUser | flags.childEnds, 0, 0, 0, 0) },
    { name: 'have a user namespace of its own', attempt: one('unshare', flags.newUser) },
    { name: 'have a network of its own', attempt: one('unshare', flags.newNet) },
    { name: 'become root', attempt: one('setuid', 0) },
    { name: 'become root’s group', attempt: one('setgid', 0) },
    { name: 'join root’s groups', attempt: one('setgroups', 1, Buffer.alloc(4)) },
    { name: 'make a device', attempt: one('mknod', `${outside.own.disks}/device`, 0o60_666, 0x800) },
    { name: 'mount', attempt: one('mount', 'none', '/usr', 'tmpfs', 0, 0) },
    { name: 'take a copy of what is mounted', attempt: one('openTree', -100, '/', 1) },
    { name: 'open a file system', attempt: one('fsopen', 'tmpfs', 0) },
    { name: 'change the root', attempt: one('chroot', '/usr') },
    { name: 'change a program', attempt: one('open', '/usr/bin/true', readWrite) },
    { name: 'add a program', attempt: one('open', '/usr/bin/caisson-escape', 0o102, 0o755) },
    { name: 'write where it may only read', attempt: one('open', outside.own.readOnly, readWrite) },
    { name: 'add a file to its disks’ folder', attempt: one('open', `${outside.own.disks}/more`, 0o102, 0o644) },
    { name: 'add a socket’s name', attempt: one('symlink', '/elsewhere', `${outside.own.sockets}/agent.sock`) },
    { name: 'remove its monitor’s socket', attempt: one('rename', `${outside.own.sockets}/qmp.sock`, `${outside.own.sockets}/gone`) },
    { name: 'rename the machine', attempt: one('sethostname', 'escaped', 7) },
    { name: 'run before others', attempt: one('setpriority', 0, 0, -5) },
    {
      name: 'give the kernel a program',
      attempt: one('bpf', 0, Buffer.concat([Buffer.from([2, 0, 0, 0, 4, 0, 0, 0, 4, 0, 0, 0, 1, 0, 0, 0]), Buffer.alloc(64)]), 72),
    },
    {
      name: 'measure the kernel',
      attempt: one('perfEventOpen', Buffer.concat([Buffer.from([1, 0, 0, 0, 112, 0, 0, 0]), Buffer.alloc(104)]), -1, 0, -1, 0),
    },
  ];
}
