import assert from 'node:assert/strict';
import { argon2Sync } from 'node:crypto';
import { test } from 'node:test';
import { PasswordHashes } from './password-hash.ts';

const hashes = new PasswordHashes();

test('a password is right against its own hash alone, and every hash has its own salt', async () => {
  const [one, two] = await Promise.all([hashes.hash('correct horse battery'), hashes.hash('correct horse battery')]);
  assert.match(one, /^\$argon2id\$v=19\$m=32768,t=3,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
  assert.notEqual(one, two);
  assert.deepEqual(await hashes.check('correct horse battery', one), { isRight: true, isOutdated: false });
  for (const wrong of ['', 'correct horse batter', 'correct horse battery ', 'Correct horse battery', 'correct horse battery\0'])
    assert.equal((await hashes.check(wrong, one)).isRight, false, wrong);
});

test('a hash of other parameters is checked by its own, and told when they are weaker than today’s', async () => {
  const nonce = Buffer.from('somesaltsomesalt');
  const hash = argon2Sync('argon2id', { message: Buffer.from('pässwörd'), nonce, memory: 8192, passes: 1, parallelism: 2, tagLength: 32 });
  const base64 = (bytes: Buffer) => bytes.toString('base64').replaceAll('=', '');
  const text = `$argon2id$v=19$m=8192,t=1,p=2$${base64(nonce)}$${base64(hash)}`;
  assert.deepEqual(await hashes.check('pässwörd', text), { isRight: true, isOutdated: true });
  assert.equal((await hashes.check('passwörd', text)).isRight, false);
});

for (const [what, text] of [
  ['nothing', ''],
  ['another algorithm', '$argon2i$v=19$m=8192,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'],
  ['more memory than anybody gives', '$argon2id$v=19$m=9999999,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'],
  ['no passes', '$argon2id$v=19$m=8192,t=0,p=1$c29tZXNhbHRzb21lc2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'],
  ['no hash', '$argon2id$v=19$m=8192,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$'],
] as const) {
  test(`a stored text with ${what} is refused`, async () => {
    await assert.rejects(hashes.check('x', text), { code: 'internal' });
  });
}

test('more checks at once than may wait are refused, and those that wait are done', async () => {
  const results = await Promise.allSettled(Array.from({ length: 20 }, async () => hashes.checkNobody('x')));
  assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 16);
  for (const result of results) if (result.status === 'rejected') assert.equal((result.reason as { code: string }).code, 'too-many');
});
