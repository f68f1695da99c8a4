// What is no answer of a key at all, byte by byte; attacks with answers that are one: engine/security-keys.test.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SoftKey } from '../../test/daemon/soft-key.ts';
import { challengeOf, readCreatedKey } from './webauthn.ts';

const expected = { origin: 'https://room-1.example', host: 'room-1.example', challenge: 'AAAA' };

test('a key that is cut off anywhere, or has something after it, is none', () => {
  const key = new SoftKey();
  const good = key.create(expected, expected.origin);
  assert.equal(readCreatedKey(good, expected).id, key.name);
  const bytes = Buffer.from(good.attestation, 'base64url');
  for (let length = 0; length < bytes.length; length++)
    assert.throws(
      () => readCreatedKey({ ...good, attestation: bytes.subarray(0, length).toString('base64url') }, expected),
      { code: 'invalid' },
      `cut at ${length}`,
    );
  const longer = Buffer.concat([bytes, Buffer.from([0])]).toString('base64url');
  assert.throws(() => readCreatedKey({ ...good, attestation: longer }, expected), { code: 'invalid' });
});

test('a key whose bytes are altered is another one or none, and never a defect', () => {
  const good = new SoftKey().create(expected, expected.origin);
  const bytes = Buffer.from(good.attestation, 'base64url');
  for (let at = 0; at < bytes.length; at++) {
    const altered = Buffer.from(bytes);
    altered[at] = (altered[at] ?? 0) ^ 0x55;
    try {
      readCreatedKey({ ...good, attestation: altered.toString('base64url') }, expected);
    } catch (error) {
      assert.equal((error as { code?: string }).code, 'invalid', `byte ${at}: ${String(error)}`);
    }
  }
});

test('what a browser does not say has no challenge', () => {
  for (const text of ['', '{', 'null', '1', '"x"', '[]', '{}', '{"challenge":1}'])
    assert.equal(challengeOf(Buffer.from(text).toString('base64url')), undefined, text);
});
