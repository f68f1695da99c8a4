import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { CaissonError } from '../lib/errors.ts';
import type { HelperArgs } from '../model/helper-protocol.ts';
import { checkArguments, isTapOf, type Owned, type OwnVerb, sandbox } from './check-arguments.ts';

const owned: Owned = {
  dataDirectory: '/var/lib/caisson',
  imageCache: '/var/cache/caisson/images',
  userIds: { base: 1_900_000_000, count: 4032 },
};
const uid = 'gk3m9x4q2ab';
const folder = `/var/lib/caisson/guests/${uid}`;

const start: HelperArgs<'guestStart'> = {
  uid,
  userId: 1_900_000_007,
  argv: ['/usr/bin/qemu-system-x86_64', '-nodefaults', '-sandbox', sandbox, '-S'],
  taps: [{ name: `cs${uid}0` }, { name: `cs${uid}1` }],
  disks: [`${folder}/root.qcow2`, `${folder}/console.log`],
  files: ['/var/lib/caisson/images/0a1b.qcow2', `${folder}/seed.iso`],
  generation: 3,
  limits: { memoryMib: 512, cpuWeight: 100, pids: 64 },
};

const good: { [V in OwnVerb]: HelperArgs<V> } = {
  hello: {},
  hostFacts: {},
  guestProcesses: {},
  guestIsolation: {},
  hostTeardown: {},
  hostExamine: {},
  worldProbe: { targets: [{ protocol: 'tcp', address: '192.0.2.10', port: 80 }], uplinks: ['eth1'] },
  probeOpen: {
    uid,
    tap: `cs${uid}0`,
    mac: '52:54:00:0a:0b:0c',
    mtu: 1500,
    addresses: ['10.20.0.9/16', 'fd20::9/128'],
    routers: ['10.20.0.1', 'fe80::1'],
    uplink: 'eth1.20',
  },
  probeRun: { uid, targets: [{ protocol: 'udp', address: 'fd20::5', port: 53 }] },
  probeClose: { uid },
  guestStart: start,
  guestLimit: { uid, limits: { memoryMib: 600, cpuWeight: 100, cpuLimit: 1.5, cpuPin: [0, 1], pids: 64 } },
  guestUsage: { uid, exact: true },
  guestGiveFile: { uid, userId: 1_900_000_007, path: `${folder}/data.qcow2` },
  guestTakeFile: { uid, path: `${folder}/data.qcow2` },
  guestGiveTap: { uid, userId: 1_900_000_007, tap: `cs${uid}1` },
  guestTakeTap: { uid, tap: `cs${uid}1` },
  guestForget: { uid },
  guestDeleteFolder: { uid },
  guestKill: { uid, pid: 4711, startTime: 123_456, signal: 'TERM' },
  guestOwnDisk: { uid, userId: 1_900_000_007, path: `${folder}/root.qcow2` },
  imageBuild: { recipePath: '/var/lib/caisson/images/r.json', outPath: '/var/cache/caisson/images/0a.qcow2' },
  imageFetch: { url: 'https://example.org/a.qcow2', sha256: 'ab'.repeat(32), outPath: '/var/cache/caisson/images/0a.qcow2' },
};
const verbs = Object.keys(good) as OwnVerb[];

function refused(verb: OwnVerb, args: unknown): CaissonError {
  try {
    checkArguments(verb, args, owned);
  } catch (error) {
    assert.ok(error instanceof CaissonError, String(error));
    assert.equal(error.code, 'invalid');
    return error;
  }
  throw new assert.AssertionError({ message: `${verb} accepted ${JSON.stringify(args)}` });
}

for (const verb of verbs) {
  test(`${verb} takes arguments as described, and gives them back`, () => {
    assert.deepEqual(checkArguments(verb, good[verb], owned), good[verb]);
  });

  test(`${verb} refuses a field that it does not know, a missing one, and what is no object`, () => {
    refused(verb, { ...good[verb], extra: 1 });
    for (const wrong of [null, [], 'x', 7]) refused(verb, wrong);
    for (const name of Object.keys(good[verb]).filter((one) => !['kvm', 'uplink'].includes(one))) {
      const { [name]: _, ...rest } = good[verb] as Record<string, unknown>;
      refused(verb, rest);
    }
  });
}

const startsThatAreWrong: [string, Partial<Record<keyof typeof start, unknown>>][] = [
  ['a uid that is none', { uid: '../../etc' }],
  ['a user id below the range', { userId: 1_899_999_999 }],
  ['root', { userId: 0 }],
  ['a user id kept for services', { userId: 1_900_004_032 }],
  ['a user id as text', { userId: '1900000007' }],
  ['another program', { argv: ['/bin/sh', '-sandbox', sandbox] }],
  ['no program', { argv: [] }],
  ['a program of the daemon’s', { argv: ['/usr/bin/qemu-system-x86_64/../../../tmp/x', '-sandbox', sandbox] }],
  ['no sandbox', { argv: ['/usr/bin/qemu-system-x86_64', '-S'] }],
  ['half a sandbox', { argv: ['/usr/bin/qemu-system-x86_64', '-sandbox', 'on'] }],
  ['a sandbox taken back', { argv: [...start.argv, '-sandbox', 'off'] }],
  ['a sandbox taken back in the other spelling', { argv: [...start.argv, '--sandbox', 'off'] }],
  ['-daemonize', { argv: [...start.argv, '-daemonize'] }],
  ['--runas', { argv: [...start.argv, '--runas', 'root'] }],
  ['NUL in an argument', { argv: [...start.argv, 'a\0b'] }],
  ['an argument that is no text', { argv: [...start.argv, 7] }],
  ['too long a command', { argv: [...start.argv, 'x'.repeat(300_000)] }],
  ['too many arguments', { argv: [...start.argv, ...Array<string>(5000).fill('x')] }],
  ['another guest’s tap', { taps: [{ name: 'csgaaaaaaaaaa0' }] }],
  ['a tap twice', { taps: [{ name: `cs${uid}0` }, { name: `cs${uid}0` }] }],
  ['a tap with a command behind it', { taps: [{ name: `cs${uid}0\nlink del eth0` }] }],
  ['eth0', { taps: [{ name: 'eth0' }] }],
  ['another guest’s disk', { disks: ['/var/lib/caisson/guests/gaaaaaaaaaa/root.qcow2'] }],
  ['a way up', { disks: [`${folder}/../gaaaaaaaaaa/root.qcow2`] }],
  ['a folder below', { disks: [`${folder}/a/root.qcow2`] }],
  ['the folder itself', { disks: [folder] }],
  ['the password file', { files: ['/etc/shadow'] }],
  ['a device', { files: ['/dev/sda'] }],
  ['the store', { files: ['/var/lib/caisson/store.sqlite'] }],
  ['white space in a name', { disks: [`${folder}/a b`] }],
  ['a newline in a name', { disks: [`${folder}/a\n/etc`] }],
  ['a name that is an option', { disks: [`${folder}/-a`] }],
  ['a file twice', { disks: [`${folder}/a`], files: [`${folder}/a`] }],
  ['no memory', { limits: { ...start.limits, memoryMib: 0 } }],
  ['an endless weight', { limits: { ...start.limits, cpuWeight: Infinity } }],
  ['half a process', { limits: { ...start.limits, pids: 1.5 } }],
  ['a limit too many', { limits: { ...start.limits, io: 1 } }],
  ['a generation below nothing', { generation: -1 }],
  ['kvm as text', { kvm: 'yes' }],
];

for (const [what, change] of startsThatAreWrong) {
  test(`guestStart refuses ${what}`, () => {
    refused('guestStart', { ...start, ...change });
  });
}

test('guestKill refuses process 1, all processes, and other signals', () => {
  for (const change of [{ pid: 1 }, { pid: -1 }, { pid: 0 }, { signal: 'STOP' }, { startTime: 0 }])
    refused('guestKill', { ...good.guestKill, ...change });
});

test('imageFetch refuses other protocols, options, and places that are not for images', () => {
  for (const change of [
    { url: 'file:///etc/shadow' },
    { url: '-o/etc/x' },
    { url: 'https://a b' },
    { sha256: 'AB'.repeat(32) },
    { outPath: '/var/lib/caisson/host.json' },
  ]) {
    refused('imageFetch', { ...good.imageFetch, ...change });
  }
});

test('probeOpen refuses whatever is not one nic of one guest that is none', () => {
  for (const change of [
    { uid: '../../etc', tap: 'cs../../etc0' },
    { uid: 'haaaaaaaaaa', tap: 'cshaaaaaaaaaa0' },
    { tap: 'csgaaaaaaaaaa0' },
    { tap: `cs${uid}10` },
    { tap: 'eth0' },
    { tap: `cs${uid}\n` },
    { mac: 'ff:ff:ff:ff:ff:ff' },
    { mac: '02:ca:15:50:00:01' },
    { mac: '52:54:00:0a:0b:0c type dummy' },
    { mtu: 64 },
    { mtu: '1500' },
    { addresses: ['10.20.0.9'] },
    { addresses: ['10.20.0.9/33'] },
    { addresses: ['10.20.0.9/16 dev eth0\nlink del lo'] },
    { addresses: Array<string>(5).fill('10.20.0.9/16') },
    { routers: ['10.20.0.1 dev eth0'] },
    { routers: ['fe80::1%eth0'] },
    { routers: ['10.20.0.1', '10.20.0.2', '10.20.0.3'] },
    { uplink: 'lo' },
    { uplink: `cs${uid}0` },
    { uplink: '../all' },
    { uplink: '-6' },
  ])
    refused('probeOpen', { ...good.probeOpen, ...change });
});

test('probeRun and worldProbe refuse targets that are no addresses, ports or protocols', () => {
  const [target] = good.probeRun.targets;
  for (const change of [
    { address: 'localhost' },
    { address: '10.0.0.5 80\ntcp 10.0.0.6' },
    { address: 'fe80::1%eth0' },
    { address: '' },
    { port: 0 },
    { port: 65_536 },
    { port: '80' },
    { protocol: 'icmp' },
    { more: 1 },
  ]) {
    refused('probeRun', { uid, targets: [{ ...target, ...change }] });
    refused('worldProbe', { ...good.worldProbe, targets: [{ ...target, ...change }] });
  }
  for (const uplink of ['lo', `cs${uid}0`, '../all', '-6', '']) refused('worldProbe', { ...good.worldProbe, uplinks: [uplink] });
});

test('a probe with any one part exchanged is refused, or still has the tap and addresses of one nic', () => {
  const leaves = fc.oneof(
    fc.jsonValue(),
    fc.string({ maxLength: 40 }),
    fc.constantFrom('lo', 'eth0', 'fe80::1', '::/0', `cs${uid}9`, '52:54:00:00:00:00'),
  );
  fc.assert(
    fc.property(fc.constantFrom(...places(good.probeOpen)), leaves, (place, value) => {
      let checked: HelperArgs<'probeOpen'>;
      try {
        checked = checkArguments('probeOpen', exchange(good.probeOpen, place, value), owned);
      } catch (error) {
        assert.ok(error instanceof CaissonError && error.code === 'invalid', String(error));
        return;
      }
      assert.ok(isTapOf(checked.uid, checked.tap));
      assert.match(checked.mac, /^52:54:00(:[0-9a-f]{2}){3}$/);
      assert.ok(checked.addresses.every((one) => /^[0-9a-fA-F.:]+\/\d+$/.test(one)));
      assert.ok(checked.routers.every((one) => /^[0-9a-fA-F.:]+$/.test(one)));
      assert.ok(checked.uplink === undefined || (/^[A-Za-z][\w.-]*$/.test(checked.uplink) && !/^(lo$|csg)/.test(checked.uplink)));
    }),
    { numRuns: 3000, seed: 20_260_103 },
  );
});

test('the refusal names the place', () => {
  assert.match(
    refused('guestStart', { ...start, limits: { ...start.limits, pids: 'x' } }).message,
    /^guestStart\.limits\.pids: expected a whole number/,
  );
});

test('a field inherited from a prototype is none', () => {
  const given = Object.create({ uid }) as unknown;
  refused('guestForget', given);
  refused('guestForget', JSON.parse(`{"__proto__": {"uid": "${uid}"}}`));
});

test('whatever comes, a verb refuses it as invalid or it is within what the helper owns', () => {
  const anything = fc.oneof(fc.jsonValue(), fc.anything());
  fc.assert(
    fc.property(fc.constantFrom(...verbs), anything, (verb, args) => {
      try {
        checkArguments(verb, args, owned);
      } catch (error) {
        assert.ok(error instanceof CaissonError && error.code === 'invalid', String(error));
      }
    }),
    { numRuns: 2000, seed: 20_260_101 },
  );
});

test('a start with any one part exchanged is refused, or still names only the guest’s own', () => {
  const leaves = fc.oneof(
    fc.jsonValue(),
    fc.string({ maxLength: 40 }),
    fc.integer(),
    fc.constantFrom('/etc/shadow', `${folder}/x`, '..', '-sandbox', `cs${uid}9`),
  );
  fc.assert(
    fc.property(fc.constantFrom(...places(start)), leaves, (place, value) => {
      let checked: HelperArgs<'guestStart'>;
      try {
        checked = checkArguments('guestStart', exchange(start, place, value), owned);
      } catch (error) {
        assert.ok(error instanceof CaissonError && error.code === 'invalid', String(error));
        return;
      }
      assert.ok(checked.userId >= 1_900_000_000 && checked.userId < 1_900_004_032);
      assert.ok(checked.taps.every((tap) => isTapOf(checked.uid, tap.name)));
      const own = `/var/lib/caisson/guests/${checked.uid}/`;
      assert.ok(checked.disks.every((path) => path.startsWith(own) && !path.slice(own.length).includes('/')));
      assert.ok(checked.files.every((path) => path.startsWith(own) || path.startsWith('/var/lib/caisson/images/')));
      assert.ok([...checked.disks, ...checked.files].every((path) => /^[\w./-]+$/.test(path) && !path.includes('..')));
      assert.equal(checked.argv.filter((one) => one === '-sandbox').length, 1);
    }),
    { numRuns: 5000, seed: 20_260_102 },
  );
});

type Place = (string | number)[];

/** Every place in a value, as a path of keys. */
function places(value: unknown, at: Place = []): Place[] {
  if (typeof value !== 'object' || value === null) return [at];
  return [
    ...(at.length > 0 ? [at] : []),
    ...Object.entries(value).flatMap(([key, inner]) => places(inner, [...at, Array.isArray(value) ? Number(key) : key])),
  ];
}

function exchange(value: unknown, [key, ...rest]: Place, by: unknown): unknown {
  if (key === undefined) return by;
  const copy = structuredClone(value) as Record<string | number, unknown>;
  copy[key] = exchange(copy[key], rest, by);
  return copy;
}
