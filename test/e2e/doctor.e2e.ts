// The doctor on this very machine: it tries for real what needs trying, and leaves nothing behind.
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { CheckResult } from '../../src/local/doctor/check.ts';
import { systemHost } from '../../src/local/doctor/host.ts';
import { runDoctor } from '../../src/local/doctor.ts';

const folder = mkdtempSync(join(tmpdir(), 'caisson-doctor-test-'));
after(() => rmSync(folder, { recursive: true }));

async function examine(host = systemHost()): Promise<Map<string, CheckResult>> {
  const results = new Map<string, CheckResult>();
  for await (const result of runDoctor({ dataDirectory: join(folder, 'not', 'yet'), cacheDirectory: folder, host }))
    results.set(result.name, result);
  return results;
}

test('on a machine that runs these tests guests can run, and the checks leave nothing', async (t) => {
  if (process.getuid?.() !== 0) return t.skip('needs root');
  const links = () => readdirSync('/sys/class/net').filter((name) => name.startsWith('doctor'));
  const results = await examine();
  for (const name of ['programs', 'qemu', 'kernel', 'links', 'nftables', 'forwarding', 'memory', 'data']) {
    const result = results.get(name);
    assert.notEqual(result?.verdict, 'bad', JSON.stringify(result));
    assert.doesNotMatch(result?.found ?? '', /could not be checked|not checked/);
  }
  assert.deepEqual(links(), []);
  assert.deepEqual(
    readdirSync(tmpdir()).filter((name) => /^caisson-doctor-(?!test)/.test(name)),
    [],
  );
});

test('rules that this kernel refuses are told with what nft said', async (t) => {
  if (process.getuid?.() !== 0) return t.skip('needs root');
  const host = systemHost();
  // As a container without rights over its network would answer.
  const powerless = await examine({
    ...host,
    run: (argv, options) =>
      host.run(argv[0] === 'unshare' ? ['setpriv', '--bounding-set=-all', '--inh-caps=-all', '--reuid=65534', ...argv] : argv, options),
  });
  for (const name of ['links', 'nftables', 'forwarding']) {
    assert.equal(powerless.get(name)?.verdict, 'bad');
    assert.match(powerless.get(name)?.found ?? '', /Operation not permitted/);
  }
});
