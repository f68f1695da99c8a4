// When a certificate by ACME is asked for again, without any server; with one: test/e2e/acme.e2e.
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { FakeClock } from '../../lib/clock.ts';
import { silentLog } from '../../lib/log.ts';
import type { TlsIdentity } from './tls-identity.ts';
import type { TlsSource } from './tls-source.ts';
import { openAcmeCertificate } from './acme-certificate.ts';

const own: TlsSource = {
  identity: {} as TlsIdentity,
  describe: () => ({
    source: 'own',
    fingerprint: 'AA',
    names: ['localhost'],
    issuer: 'this host',
    from: '2026-01-01T00:00:00.000Z',
    until: '2027-01-01T00:00:00.000Z',
  }),
  onChange: () => () => undefined,
  refresh: () => Promise.resolve(),
  close: () => undefined,
};

test('after each failure it waits twice as long, half a day at most, and remembers that over a start; the own certificate stays', async () => {
  const dataDirectory = mkdtempSync(join(tmpdir(), 'caisson-acme-'));
  const clock = new FakeClock();
  const open = () =>
    openAcmeCertificate({
      own,
      // Nobody listens there.
      settings: { directory: 'https://127.0.0.1:1/dir', names: ['room-1.example.org'], contacts: [] },
      places: [],
      dataDirectory,
      clock,
      log: silentLog,
    });
  let certificate = await open();
  try {
    const waits: number[] = [];
    for (let count = 0; count < 14; count++) {
      await certificate.refresh();
      const { problem, nextTryAt = '', until } = certificate.describe().acme ?? {};
      assert.match(problem ?? '', /127\.0\.0\.1:1 could not be asked/);
      assert.equal(until, undefined);
      waits.push((Date.parse(nextTryAt) - clock.now()) / 60_000);
      // Too early: nothing is asked, and the time stays.
      await certificate.refresh();
      assert.equal(certificate.describe().acme?.nextTryAt, nextTryAt);
      await clock.advance(Date.parse(nextTryAt) - clock.now());
    }
    assert.deepEqual(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 720, 720, 720, 720]);
    assert.equal(certificate.named, undefined);
    assert.equal(certificate.identity, own.identity);
    await certificate.refresh();
    const before = certificate.describe().acme?.nextTryAt;
    certificate.close();
    certificate = await open();
    await certificate.refresh();
    assert.equal(certificate.describe().acme?.nextTryAt, before);
    assert.equal(statSync(join(dataDirectory, 'tls/acme/account.pem')).mode & 0o777, 0o600);
    assert.deepEqual(readdirSync(join(dataDirectory, 'tls/acme')).toSorted(), ['account.pem', 'state.json']);
    assert.match(readFileSync(join(dataDirectory, 'tls/acme/state.json'), 'utf8'), /"failures":15/);
  } finally {
    certificate.close();
    rmSync(dataDirectory, { recursive: true, force: true });
  }
});
