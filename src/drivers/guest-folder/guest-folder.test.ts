import assert from 'node:assert/strict';
import { readlinkSync } from 'node:fs';
import { type FileHandle, mkdtemp, open, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { GuestSeed } from '../guest-files.ts';
import type { HelperCaller } from '../helper-client/helper-client.ts';
import { createGuestFolder } from './guest-folder.ts';

const owner = { uid: 'gk3m9x4q2ab', userId: 1_900_000_001 };

test('a seed is given to the guest when it is new or differs, and left alone when it is the same', async () => {
  const dataDirectory = await mkdtemp(join(tmpdir(), 'caisson-guest-folder-'));
  try {
    const owned: string[] = [];
    const call = async (_verb: string, { path }: { path: string }) => void owned.push(path);
    const files = createGuestFolder({
      helper: { call } as unknown as HelperCaller,
      dataDirectory,
      runDirectory: dataDirectory,
      writeSeed: (path, { hostName }) => writeFile(path, hostName),
      createUefiVariables: () => Promise.resolve(),
    });
    const folder = join(dataDirectory, 'guests', owner.uid);
    const write = (hostName: string) => files.writeSeed(owner, { hostName } as GuestSeed);
    await write('web');
    await write('web');
    assert.deepEqual(owned, [join(folder, 'seed.iso.new')]);
    await write('shop');
    assert.equal(owned.length, 2);
    assert.equal(await readFile(join(folder, 'seed.iso'), 'utf8'), 'shop');
    assert.deepEqual(await readdir(folder), ['seed.iso']);
  } finally {
    await rm(dataDirectory, { recursive: true, force: true });
  }
});

test('what was made is there after a power cut: its content, its name, and the name of its folder', async (t) => {
  const dataDirectory = await mkdtemp(join(tmpdir(), 'caisson-guest-folder-'));
  t.after(() => rm(dataDirectory, { recursive: true, force: true }));
  const files = createGuestFolder({
    helper: { call: () => Promise.resolve() } as unknown as HelperCaller,
    dataDirectory,
    runDirectory: dataDirectory,
    writeSeed: (path) => writeFile(path, 'seed'),
    createUefiVariables: () => Promise.resolve(),
  });
  const synced: string[] = [];
  const any = await open(dataDirectory, 'r');
  const handles = Object.getPrototypeOf(any) as FileHandle;
  await any.close();
  const sync = Reflect.get<FileHandle, 'sync'>(handles, 'sync');
  t.mock.method(handles, 'sync', function (this: FileHandle) {
    synced.push(readlinkSync(`/proc/self/fd/${this.fd}`).replace(dataDirectory, ''));
    return Reflect.apply(sync, this, []);
  });
  await files.writeSeed(owner, {} as GuestSeed);
  assert.deepEqual(synced, [`/guests/${owner.uid}/seed.iso.new`, `/guests/${owner.uid}`, '/guests']);
});
