import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { siteArbitrary } from '../../test/site-arbitrary.ts';
import { CaissonError } from '../lib/errors.ts';
import type { GuestSpec, NicSpec } from '../model/guest.ts';
import { siteDifferenceSchema } from '../model/site-difference.ts';
import { parseSiteFile } from '../model/site-file.ts';
import type { Site } from '../model/site.ts';
import { mergeSites, type MergedSite } from './merge-sites.ts';
import { compareSites, conflicts, describeDifference, isEmpty, refusals, type SiteVersions } from './site-difference.ts';

function site(guests: Record<string, string>, rest = ''): Site {
  const text = `version: 1
site: lab
zones: { inside: { subnets: [10.20.0.0/16] } }
guests: {${Object.entries(guests)
    .map(([name, fields]) => `${name}: { ${fields} }`)
    .join(', ')}}
${rest}`;
  const result = parseSiteFile(text, () => undefined);
  assert.ok('site' in result, JSON.stringify(result));
  return result.site;
}

const web = (changes: Record<string, string> = {}) =>
  Object.entries({ image: 'debian-12', zone: 'inside', memory: '512MiB', disks: '{ root: 8GiB }', ...changes })
    .map(([key, value]) => `${key}: ${value}`)
    .join(', ');

const lines = (versions: SiteVersions) => describeDifference(compareSites(versions));

test('everything of a first apply is created', () => {
  assert.deepEqual(lines({ wanted: site({ web: web() }, 'flows: [{ from: web, to: web, allow: [icmp] }]') }), [
    '+ site lab',
    '+ zone inside',
    '+ guest web',
    '+ flow web → web: icmp',
  ]);
});

test('the same site again is no change', () => {
  const same = site({ web: web() });
  assert.ok(isEmpty(compareSites({ applied: same, wanted: same, current: same })));
  assert.deepEqual(lines({ wanted: same, current: same }), []);
});

test('a change of the file says from what to what, and when it takes effect', () => {
  const before = site({ web: web({ labels: '{ role: front }' }) });
  const after = site({
    web: web({ memory: '1GiB', cpus: '2', labels: '{ role: back }', disks: '{ root: 10GiB, data: 1GiB }', firmware: 'uefi' }),
  });
  const versions = { applied: before, wanted: after, current: before };
  assert.deepEqual(lines(versions), [
    '~ guest web: labels.role front → back',
    '~ guest web: cpus 1 → 2',
    '~ guest web: memory 512MiB → 1GiB (at next start)',
    '~ guest web: disks.root 8GiB → 10GiB',
    '~ guest web: disks.data (none) → 1GiB',
    '~ guest web: firmware bios → uefi (at next start)',
  ]);
  assert.equal(compareSites(versions).objects[0]?.consequence, 'restart');
  assert.deepEqual(mergeSites(versions), { site: after, applied: after });
});

test('what is impossible in place is refused with the way out', () => {
  const before = site({ web: web() });
  const after = site({ web: web({ image: 'debian-13', disks: '{ root: 4GiB }' }) });
  assert.deepEqual(refusals(compareSites({ applied: before, wanted: after, current: before })), [
    'guest web: image debian-12 → debian-13 is not possible: its root disk is made already and holds what the guest has written; make a guest of another name, or delete this one and its disks first',
    'guest web: disks.root 8GiB → 4GiB is not possible: a disk cannot shrink; give 8GiB or more, or add a smaller disk of another name',
  ]);
});

test('what somebody changed elsewhere is shown and kept', () => {
  const file = site({ web: web() });
  const current = site({ web: web({ memory: '2GiB' }), made: web() });
  const versions = { applied: file, wanted: file, current };
  assert.deepEqual(lines(versions), [
    '= guest web: memory 2GiB: changed elsewhere, the file still says 512MiB',
    '= guest made: made elsewhere, not in the file',
  ]);
  assert.ok(isEmpty(compareSites(versions)));
  assert.deepEqual(mergeSites(versions), { site: current, applied: file });
  assert.deepEqual(mergeSites({ ...versions, overwrite: true }).site.guests['web'], file.guests['web']);
});

test('a change of the file and another of somebody else go together when they are not the same field', () => {
  const applied = site({ web: web() });
  const merged = mergeSites({ applied, wanted: site({ web: web({ cpus: '4' }) }), current: site({ web: web({ memory: '2GiB' }) }) });
  assert.deepEqual(merged.site, site({ web: web({ cpus: '4', memory: '2GiB' }) }));
});

test('the same field changed differently is a conflict, which stays until somebody decides', () => {
  const versions = {
    applied: site({ web: web() }),
    wanted: site({ web: web({ memory: '1GiB' }) }),
    current: site({ web: web({ memory: '2GiB' }) }),
  };
  const difference = compareSites(versions);
  assert.deepEqual(describeDifference(difference), ['! guest web: memory 2GiB: changed elsewhere, and the file now says 1GiB']);
  assert.deepEqual(
    conflicts(difference).map(({ name }) => name),
    ['web'],
  );
  const undecided = mergeSites(versions);
  assert.deepEqual(undecided.site, versions.current);
  assert.deepEqual(compareSites({ ...versions, applied: undecided.applied, current: undecided.site }), difference);
  assert.deepEqual(mergeSites({ ...versions, overwrite: true }), { site: versions.wanted, applied: versions.wanted });
});

test('the same change on both sides is nothing to do', () => {
  const after = site({ web: web({ memory: '1GiB' }) });
  assert.deepEqual(lines({ applied: site({ web: web() }), wanted: after, current: after }), []);
});

test('a guest that is gone from the file stays until it is pruned, and is shown again the next time', () => {
  const applied = site({ web: web(), old: web() });
  const wanted = site({ web: web() });
  const first = mergeSites({ applied, wanted, current: applied });
  assert.deepEqual(first.site, applied);
  assert.deepEqual(lines({ applied: first.applied, wanted, current: first.site }), [
    '- guest old (a guest is removed only when asked to: --prune)',
  ]);
  assert.deepEqual(mergeSites({ applied: first.applied, wanted, current: first.site, prune: true }), { site: wanted, applied: wanted });
});

test('a guest that is gone from the file and was changed elsewhere is a conflict', () => {
  const versions = { applied: site({ web: web() }), wanted: site({}), current: site({ web: web({ cpus: '2' }) }) };
  assert.deepEqual(lines(versions), ['! guest web: removed from the file, changed elsewhere']);
  assert.deepEqual(mergeSites({ ...versions, prune: true }).site, versions.current);
  assert.deepEqual(mergeSites({ ...versions, prune: true, overwrite: true }).site, versions.wanted);
});

test('a guest that somebody deleted does not come back unasked', () => {
  const file = site({ web: web() });
  const versions = { applied: file, wanted: file, current: site({}) };
  assert.deepEqual(lines(versions), ['= guest web: removed elsewhere, still in the file']);
  assert.deepEqual(mergeSites(versions).site, site({}));
  assert.deepEqual(mergeSites({ ...versions, overwrite: true }).site, file);
});

test('a zone and a flow that are gone from the file go', () => {
  const rest = 'flows: [{ from: web, to: web, allow: [icmp] }]';
  const applied = { ...site({ web: web() }, rest), zones: { ...site({}).zones, other: { subnets: ['10.21.0.0/16'] } } };
  const wanted = site({ web: web() });
  assert.deepEqual(lines({ applied, wanted, current: applied }), ['- zone other', '- flow web → web: icmp']);
  assert.deepEqual(mergeSites({ applied, wanted, current: applied }).site, wanted);
});

test('user data, contents of files and keys are never shown in full', () => {
  const secret = 'correct-horse-battery-staple';
  const key = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAISecretLooking admin';
  const image = `images: { own: { recipe: debian, suite: bookworm, files: { /etc/secret: { text: ${secret} } }, run: ['echo ${'x'.repeat(300)}'] } }`;
  const before = site({ web: web() }, 'images: { own: { recipe: debian, suite: bookworm } }');
  const after = site({ web: web({ userData: `{ text: ${secret} }`, sshKeys: `[${key}]` }) }, image);
  const text = lines({ applied: before, wanted: after, current: before });
  assert.equal(text.length, 4);
  assert.doesNotMatch(text.join('\n'), /horse|AAAAC3Nz|x{100}/);
  assert.match(text.join('\n'), /userData \(none\) → sha256:[0-9a-f]{12} \(28 B\)/);
  assert.match(text.join('\n'), /sshKeys \(none\) → \[ssh-ed25519 …tLooking admin\]/);
});

/** Undefined: what the file and somebody else have changed of one object does not go together. */
function mergeOrRefuse(versions: SiteVersions): MergedSite | undefined {
  try {
    return mergeSites(versions);
  } catch (error) {
    assert.ok(error instanceof CaissonError && error.code === 'conflict', String(error));
    const outcomes = compareSites(versions).objects.map(({ fields }) => new Set(fields.map(({ outcome }) => outcome)));
    assert.ok(
      outcomes.some((one) => one.has('conflict') || (one.has('kept') && one.has('changed'))),
      error.message,
    );
    return undefined;
  }
}

test('one nic and several are compared as what they are: lists', () => {
  const withNics = (nics: NicSpec[]): Site => {
    const { guests, ...rest } = site({ web: web() });
    return { ...rest, guests: { web: { ...(guests['web'] as GuestSpec), nics } } };
  };
  const before = withNics([{ zone: 'inside', addresses: [] }]);
  const several = withNics([
    { zone: 'inside', addresses: [] },
    { zone: 'other', addresses: [] },
  ]);
  const elsewhere = withNics([{ zone: 'inside', addresses: ['10.20.0.9'] }]);
  assert.deepEqual(lines({ applied: before, wanted: several, current: before }), [
    '~ guest web: nics [{ zone: inside }] → [{ zone: inside }, { zone: other }]',
  ]);
  const versions = { applied: before, wanted: several, current: elsewhere };
  assert.deepEqual(lines(versions), [
    '! guest web: nics [{ zone: inside, addresses: [10.20.0.9] }]: changed elsewhere, and the file now says [{ zone: inside }, { zone: other }]',
  ]);
  assert.deepEqual(mergeSites(versions).site, elsewhere);
  assert.deepEqual(mergeSites({ ...versions, overwrite: true }).site, several);
});

test('for any three sites a merge is sound in its parts, loses no change of the file, and applying it again changes nothing', () => {
  const many = process.env['CAISSON_TEST_LONG'] === '1' ? 2000 : 60;
  fc.assert(
    fc.property(siteArbitrary(), siteArbitrary(), siteArbitrary(), fc.integer({ min: 0, max: 63 }), (a, b, c, mix) => {
      // Versions that have much in common: each takes its guests, zones and images from one of the others by chance.
      const pick = (one: Site, other: Site, bits: number): Site => ({
        ...one,
        images: bits & 1 ? { ...other.images, ...one.images } : one.images,
        guests: bits & 2 ? { ...other.guests, ...one.guests } : one.guests,
        flows:
          bits & 4
            ? [...one.flows, ...other.flows.filter((flow) => !one.flows.some((same) => JSON.stringify(same) === JSON.stringify(flow)))]
            : one.flows,
      });
      const versions = { applied: a, wanted: pick(b, a, mix), current: pick(c, a, mix >> 3) };
      const difference = compareSites(versions);
      assert.deepEqual(siteDifferenceSchema.parse(difference), difference);
      assert.ok(describeDifference(difference).every((line) => !line.includes('undefined') && !line.includes('\n')));
      assert.deepEqual(mergeSites({ ...versions, overwrite: true, prune: true }).applied, versions.wanted);

      const undecided = mergeOrRefuse(versions);
      if (!undecided) return;
      const again = compareSites({ ...versions, applied: undecided.applied, current: undecided.site });
      assert.ok(
        again.objects.every(
          ({ object, change }) => change === 'kept' || change === 'conflict' || (change === 'removed' && object === 'guest'),
        ),
      );
      const decided = mergeSites({ ...versions, overwrite: true, prune: true });
      assert.ok(isEmpty(compareSites({ applied: decided.applied, wanted: versions.wanted, current: decided.site })));
    }),
    { seed: 3, numRuns: many },
  );
});

/** A zone with these words, and two guests in it. */
const office = (words: string, flows = ''): Site => {
  const text = `version: 1
site: lab
zones: { office: { subnets: [10.30.0.0/24, 'fd30::/64'], uplink: { interface: eth1 }, ${words} } }
guests: { web: { ${web({ zone: 'office' })} }, app: { ${web({ zone: 'office' })} } }
flows: [${flows}]
`;
  const result = parseSiteFile(text, () => undefined);
  assert.ok('site' in result, JSON.stringify(result));
  return result.site;
};
const published = (...list: string[]) => `masquerade: true, publish: [${list.join(', ')}]`;

test('each publication is a change of its own, whoever else publishes', () => {
  const applied = office(published("{ listen: '192.0.2.2:80', to: 'web:80' }"));
  const current = office(published("{ listen: '192.0.2.2:80', to: 'web:80' }", "{ listen: '192.0.2.2:53', to: 'app:53', protocol: udp }"));
  const wanted = office(
    published("{ listen: '192.0.2.2:80', to: 'web:8080' }", "{ listen: '[2001:db8::2]:80', to: 'web:80', from: [2001:db8::/64] }"),
  );
  assert.deepEqual(lines({ applied, wanted, current }), [
    '~ zone office: publish.tcp/192.0.2.2:80 { to: web:80 } → { to: web:8080 }',
    '~ zone office: publish.tcp/[2001:db8::2]:80 (none) → { to: web:80, from: [2001:db8::/64] }',
    '= zone office: publish.udp/192.0.2.2:53 { to: app:53 }: changed elsewhere, the file still says (none)',
  ]);
  const { site: merged } = mergeSites({ applied, wanted, current });
  assert.deepEqual(merged.zones['office']?.publish?.map(({ listen, to, protocol }) => `${protocol} ${listen} ${to}`).toSorted(), [
    'tcp 192.0.2.2:80 web:8080',
    'tcp [2001:db8::2]:80 web:80',
    'udp 192.0.2.2:53 app:53',
  ]);
});

test('a shared wire is said to be weaker wherever one comes to be', () => {
  const note = 'weaker: its guests share one wire, where flows are filtered without knowledge of connections';
  const [plain, bridged] = [office('masquerade: false'), office('bridged: true')];
  assert.ok(lines({ wanted: bridged }).includes(`+ zone office (${note})`));
  assert.deepEqual(lines({ applied: plain, wanted: bridged, current: plain }), [`~ zone office: bridged (none) → true (${note})`]);
  assert.deepEqual(lines({ applied: bridged, wanted: plain, current: bridged }), ['~ zone office: bridged true → (none)']);
});

test('the rate of a flow is a field of it', () => {
  const [slow, fast] = [
    office('', '{ from: web, to: app, allow: [tcp/80], rate: 1/second }'),
    office('', '{ from: web, to: app, allow: [tcp/80], rate: 9/second, log: true }'),
  ];
  assert.deepEqual(lines({ applied: slow, wanted: fast, current: slow }), [
    '~ flow web → app: tcp/80: rate 1/second → 9/second',
    '~ flow web → app: tcp/80: log (none) → true',
  ]);
});
