import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sampleSite } from '../../test/daemon/sample-site.ts';
import { guestTemplate, readGuest, readSite, writeGuest, writeSite } from './site-text.ts';

test('a site is written and read back', () => {
  const site = sampleSite(3);
  assert.deepEqual(readSite(writeSite(site)), { site });
});

test('one guest is written, changed and read back among the others', () => {
  for (const count of [1, 3]) {
    const site = sampleSite(count);
    const text = writeGuest(site, 'guest-0');
    assert.match(text, /^guest-0:\n {2}image: debian-12\n/);
    assert.deepEqual(readGuest(site, text, 'guest-0'), { site });
    const changed = readGuest(site, text.replace('512MiB', '1GiB'), 'guest-0');
    assert.ok('site' in changed);
    assert.equal(changed.site.guests['guest-0']?.memoryMib, 1024);
    assert.equal(Object.keys(changed.site.guests).length, count);
  }
});

test('problems stand at the lines of the guest', () => {
  const site = sampleSite(2);
  const read = readGuest(site, writeGuest(site, 'guest-1').replace('memory: 512MiB', 'memory: lots'), 'guest-1');
  assert.ok('problems' in read);
  assert.match(read.problems[0]?.message ?? '', /memory/);
  assert.equal(
    read.problems[0]?.line,
    writeGuest(site, 'guest-1')
      .split('\n')
      .findIndex((line) => line.includes('memory:')) + 1,
  );
});

test('a name is neither changed nor taken by an edit', () => {
  const site = sampleSite(2);
  const text = writeGuest(site, 'guest-0');
  for (const read of [
    readGuest(site, text, undefined),
    readGuest(site, text.replace('guest-0', 'other'), 'guest-0'),
    readGuest(site, '# nothing', undefined),
  ])
    assert.ok('problems' in read && read.problems.length === 1);
});

test('the template of a new guest is one that can be applied', () => {
  const site = sampleSite(1);
  const read = readGuest(site, guestTemplate(site), undefined);
  assert.ok('site' in read, JSON.stringify(read));
  assert.ok(read.site.guests['new-guest']);
});
