import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { CaissonError } from '../../lib/errors.ts';
import { run } from '../../lib/exec.ts';
import type { GuestSeed } from '../guest-files.ts';
import { renderIso } from './iso9660.ts';
import { renderSeed, writeSeed } from './seed.ts';

const seed: GuestSeed = {
  instanceId: 'i-gk3m9x4q2ab-1',
  hostName: 'web',
  sshKeys: ['ssh-ed25519 AAAA admin "with" quotes', 'ssh-ed25519 BBBB \u00e9t\u00e9: #1'],
  network: [
    {
      mac: '52:54:00:11:22:33',
      dhcp4: false,
      acceptRa: false,
      addresses: ['192.0.2.10/24', '2001:db8:1::10/128'],
      routes: [{ to: '::/0', via: '2001:db8:1::1', onLink: true }],
      rules: [],
      nameServers: ['192.0.2.1'],
      searchDomains: ['external.lab'],
    },
  ],
};

function contents(of: GuestSeed): Record<string, unknown> {
  return Object.fromEntries(renderSeed(of).map((file) => [file.name, parse(Buffer.from(file.content).toString())]));
}

test('a YAML reader finds in the seed what was put in', () => {
  const files = contents(seed);
  assert.deepEqual(files['meta-data'], { 'instance-id': seed.instanceId, 'local-hostname': 'web', 'public-keys': seed.sshKeys });
  assert.deepEqual(files['network-config'], {
    version: 2,
    ethernets: {
      nic0: {
        match: { macaddress: '52:54:00:11:22:33' },
        dhcp4: false,
        'accept-ra': false,
        addresses: ['192.0.2.10/24', '2001:db8:1::10/128'],
        routes: [{ to: '::/0', via: '2001:db8:1::1', 'on-link': true }],
        nameservers: { search: ['external.lab'], addresses: ['192.0.2.1'] },
      },
    },
  });
});

test('user data is passed on byte for byte, and is an empty cloud-config when there is none', () => {
  const text = (of: GuestSeed) => Buffer.from(renderSeed(of).find((file) => file.name === 'user-data')?.content ?? []).toString();
  assert.equal(text({ ...seed, userData: '#!/bin/sh\necho "h\u00e9"\n' }), '#!/bin/sh\necho "h\u00e9"\n');
  assert.match(text(seed), /^#cloud-config\n/);
});

test('a value with a line break is refused: it would add a line of its own to the seed', () => {
  for (const bad of ['a\npublic-keys:', 'a\rb', 'a\u2028b', 'a\0b']) {
    assert.throws(
      () => renderSeed({ ...seed, hostName: bad }),
      (error: unknown) => error instanceof CaissonError && error.code === 'invalid',
    );
  }
});

test('the same seed gives the same bytes', () => {
  assert.deepEqual(renderIso('cidata', renderSeed(seed)), renderIso('cidata', renderSeed(seed)));
});

test('another program reads the files of the seed by their names and content', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'caisson-seed-'));
  t.after(() => rm(folder, { recursive: true }));
  const path = join(folder, 'seed.iso');
  const long = `#!/bin/sh\n${'# filling\n'.repeat(2000)}`;
  await writeSeed(path, { ...seed, userData: long });
  try {
    await run(['xorriso', '-osirrox', 'on', '-indev', path, '-extract', '/', join(folder, 'out')]);
  } catch (error) {
    if (error instanceof CaissonError && error.code === 'missing') return t.skip('xorriso is not installed');
    throw error;
  }
  for (const file of renderSeed({ ...seed, userData: long })) {
    assert.deepEqual(await readFile(join(folder, 'out', file.name)), Buffer.from(file.content));
  }
  assert.equal((await readFile(path)).toString('latin1', 32808, 32814), 'cidata');
});

test('a seed is never written over a file that is there', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'caisson-seed-'));
  t.after(() => rm(folder, { recursive: true }));
  await writeSeed(join(folder, 'seed.iso'), seed);
  await assert.rejects(writeSeed(join(folder, 'seed.iso'), seed), { code: 'EEXIST' });
});

test('names that an ISO 9660 image cannot hold are refused', () => {
  assert.throws(() => renderIso('cidata', [{ name: 'UPPER/../case', content: Buffer.from('') }]), /cannot be a file name/);
});
