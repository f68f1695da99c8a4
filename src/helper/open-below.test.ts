import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { constants, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { identify, inside, openFile, openFolder } from './open-below.ts';

const root = mkdtempSync(join(tmpdir(), 'caisson-below-'));
after(() => rmSync(root, { recursive: true, force: true }));
mkdirSync(`${root}/guests/one`, { recursive: true });
mkdirSync(`${root}/elsewhere`);
writeFileSync(`${root}/guests/one/disk`, 'mine');
writeFileSync(`${root}/elsewhere/disk`, 'another’s');
symlinkSync('../elsewhere', `${root}/guests/link`);
symlinkSync('../../elsewhere/disk', `${root}/guests/one/linked`);
execFileSync('mkfifo', [`${root}/guests/one/pipe`]);
mkdirSync(`${root}/guests/one/folder`);

const invalid = { code: 'invalid' };

test('a folder and a file in it are opened step by step', async () => {
  await using folder = await openFolder(root, ['guests', 'one']);
  await using file = await openFile(folder, 'disk', constants.O_RDONLY);
  assert.equal(await file.readFile('utf8'), 'mine');
  assert.equal((await identify(folder, 'disk')).links, 1);
});

test('a link on the way is not followed', async () => {
  await assert.rejects(openFolder(root, ['guests', 'link']), invalid);
  await assert.rejects(openFolder(root, ['guests', 'none']), invalid);
  await assert.rejects(openFolder(root, ['guests', 'one', 'disk']), invalid);
});

test('names that lead elsewhere are none', async () => {
  for (const name of ['..', '.', '', 'a/b', '/etc', 'a\0b']) await assert.rejects(openFolder(root, ['guests', name]), invalid);
});

test('links, pipes, folders and what is not there are no files; a pipe does not make us wait', async () => {
  await using folder = await openFolder(root, ['guests', 'one']);
  for (const name of ['linked', 'pipe', 'folder', 'none']) await assert.rejects(openFile(folder, name, constants.O_RDONLY), invalid, name);
  await assert.rejects(openFile(folder, 'linked', constants.O_WRONLY | constants.O_CREAT), invalid);
});

test('a folder that is exchanged after it was opened is still the one that was opened', async () => {
  mkdirSync(`${root}/guests/two`);
  writeFileSync(`${root}/guests/two/disk`, 'mine too');
  await using folder = await openFolder(root, ['guests', 'two']);
  renameSync(`${root}/guests/two`, `${root}/guests/away`);
  symlinkSync('../elsewhere', `${root}/guests/two`);
  await using file = await openFile(folder, 'disk', constants.O_RDONLY);
  assert.equal(await file.readFile('utf8'), 'mine too');
  assert.match(inside(folder, 'disk'), /^\/proc\/self\/fd\/\d+\/disk$/);
});
