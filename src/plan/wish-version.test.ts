import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sampleSite } from '../../test/daemon/sample-site.ts';
import { changesBetween, guestVersion, siteVersion } from './wish-version.ts';

test('the same wish has the same version, in whatever order it was written', () => {
  const site = sampleSite(3);
  const turned = { ...site, guests: Object.fromEntries(Object.entries(site.guests).toReversed()) };
  assert.equal(siteVersion(turned).tag, siteVersion(structuredClone(site)).tag);
});

test('another wish has another version, which tells what was done', () => {
  const site = sampleSite(3);
  const next = structuredClone(site);
  const [first, second] = Object.values(next.guests);
  assert.ok(first && second);
  first.cpus = 7;
  delete next.guests['guest-2'];
  next.guests['fresh'] = second;
  next.timezone = 'Europe/Paris';
  assert.notEqual(siteVersion(site).tag, siteVersion(next).tag);
  assert.deepEqual(changesBetween(siteVersion(site), siteVersion(next)), [
    { part: 'guest fresh', change: 'added' },
    { part: 'guest guest-0', change: 'changed' },
    { part: 'guest guest-2', change: 'removed' },
    { part: 'the site itself', change: 'changed' },
  ]);
  const guest = { name: 'web', spec: site.guests['guest-0'] ?? {} };
  assert.deepEqual(changesBetween(guestVersion(guest), guestVersion({ name: 'front', spec: { ...guest.spec, cpus: 7 } })), [
    { part: 'its cpus', change: 'changed' },
    { part: 'its name', change: 'changed' },
  ]);
});
