import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Jail, renderJail } from './jail.ts';

const guest = '/var/lib/caisson/guests/gk3m9x4q2ab';
const jail: Jail = {
  folder: '/run/caisson/0a1b2c3d/jail',
  userId: 1_900_000_007,
  files: [
    { path: `${guest}/root.qcow2`, writable: true, device: 65_024n, inode: 11n },
    { path: '/var/lib/caisson/images/ab.qcow2', writable: false, device: 65_024n, inode: 12n },
  ],
  socketFolder: '/run/caisson/0a1b2c3d/gk3m9x4q2ab',
  taps: ['csgk3m9x4q2ab0', 'csgk3m9x4q2ab1'],
  kvm: false,
};

test('only /usr, the sockets and the guest’s own files are bound, each no more writable than it must be', () => {
  const { fstab } = renderJail(jail, '/run/caisson/0a1b2c3d/jail/x.fstab', ['/usr/bin/qemu-system-x86_64']);
  assert.equal(
    fstab,
    `/usr /run/caisson/0a1b2c3d/jail/root/usr none bind,ro,nosuid 0 0
/run/caisson/0a1b2c3d/gk3m9x4q2ab /run/caisson/0a1b2c3d/jail/root/run/caisson/0a1b2c3d/gk3m9x4q2ab none bind,nosuid,nodev,noexec 0 0
${guest}/root.qcow2 /run/caisson/0a1b2c3d/jail/root${guest}/root.qcow2 none bind,nosuid,nodev,noexec 0 0
/var/lib/caisson/images/ab.qcow2 /run/caisson/0a1b2c3d/jail/root/var/lib/caisson/images/ab.qcow2 none bind,ro,nosuid,nodev,noexec 0 0
`,
  );
});

test('the command gives the script its parameters as arguments, never as text of it', () => {
  const argv = ['/usr/bin/qemu-system-x86_64', '-name', "guest=$(touch /tmp/x)';"];
  const { command } = renderJail(jail, '/run/fstab', argv);
  assert.deepEqual(command.slice(0, 8), ['unshare', '--net', '--mount', '--ipc', '--uts', '--', 'sh', '-c']);
  assert.deepEqual(command.slice(9), [
    'jail',
    '/run/caisson/0a1b2c3d/jail/root',
    '/run/caisson/0a1b2c3d/jail/skeleton',
    '1900000007',
    '/run/fstab',
    `./run/caisson/0a1b2c3d/gk3m9x4q2ab .${guest} ./var/lib/caisson/images`,
    `.${guest}/root.qcow2 ./var/lib/caisson/images/ab.qcow2`,
    '65024:11\n65024:12',
    'tuntap add dev csgk3m9x4q2ab0 mode tap user 1900000007\ntuntap add dev csgk3m9x4q2ab1 mode tap user 1900000007',
    ...argv,
  ]);
  assert.equal(command[8]?.includes('gk3m9x4q2ab'), false);
});

test('/dev/kvm is in sight only where it is asked for', () => {
  assert.equal(renderJail({ ...jail, kvm: true }, '/f', []).command[11], '/run/caisson/0a1b2c3d/jail/skeleton-kvm');
});
