import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { siteArbitrary } from '../../test/site-arbitrary.ts';
import { checkSite } from './check-site.ts';
import { renderSiteFile } from './render-site-file.ts';
import { parseSiteFile } from './site-file.ts';

const noFiles = () => undefined;

test('a site comes back from its own YAML as it was', () => {
  fc.assert(
    fc.property(siteArbitrary(), (site) => {
      assert.deepEqual(checkSite(site), []);
      const text = renderSiteFile(site);
      assert.deepEqual(parseSiteFile(text, noFiles), { site }, text);
      assert.deepEqual(parseSiteFile(Buffer.from(text), noFiles), { site });
    }),
    { seed: 1, numRuns: process.env.CAISSON_TEST_LONG === '1' ? 5000 : 100 },
  );
});

const small = `version: 1
site: lab
zones:
  inside: { subnets: [10.20.0.0/16] }
images:
  web: { recipe: debian, suite: bookworm, files: { /etc/motd: { file: motd }, /etc/icon: { file: icon.png, mode: '0600' } } }
guests:
  web: { image: web, zone: inside, memory: 512MiB, disks: { root: 8GiB }, userData: { file: user-data.yaml } }
`;

const beside: Record<string, Uint8Array> = {
  motd: Buffer.from('hello\n'),
  'icon.png': Uint8Array.of(0x89, 0x50, 0, 0xff),
  'user-data.yaml': Buffer.from('#cloud-config\n'),
};

test('files beside the site file become part of the site', () => {
  const result = parseSiteFile(small, (path) => beside[path]);
  assert.ok('site' in result, JSON.stringify(result));
  assert.equal(result.site.guests['web']?.userData, '#cloud-config\n');
  assert.deepEqual(result.site.images['web'], {
    recipe: 'debian',
    suite: 'bookworm',
    packages: [],
    run: [],
    files: { '/etc/motd': { text: 'hello\n', mode: '0644' }, '/etc/icon': { base64: 'iVAA/w==', mode: '0600' } },
    sizeMib: 2048,
  });
});

test('user data that is no text is refused at its place', () => {
  const result = parseSiteFile(small, (path) => (path === 'user-data.yaml' ? Uint8Array.of(0xff, 0xfe) : beside[path]));
  assert.deepEqual(result, { problems: [{ line: 8, column: 93, message: 'the file “user-data.yaml” is not UTF-8 text' }] });
});

test('a byte order mark and line ends of another system change nothing', () => {
  const plain = parseSiteFile(small, (path) => beside[path]);
  assert.deepEqual(
    parseSiteFile(`\ufeff${small}`, (path) => beside[path]),
    plain,
  );
  assert.deepEqual(
    parseSiteFile(Buffer.from(`\ufeff${small.replaceAll('\n', '\r\n')}`), (path) => beside[path]),
    plain,
  );
  const broken = parseSiteFile(`\ufeff${small.replaceAll('\n', '\r\n').replace('512MiB', '512')}`, (path) => beside[path]);
  assert.deepEqual('problems' in broken && broken.problems.map(({ line, column }) => [line, column]), [[8, 44]]);
});

test('bytes that are no UTF-8 are refused where the first of them stands', () => {
  const result = parseSiteFile(Buffer.concat([Buffer.from('version: 1\nsite: l'), Uint8Array.of(0xe9), Buffer.from('b\n')]), noFiles);
  assert.deepEqual(result, { problems: [{ line: 2, column: 8, message: 'the file is not UTF-8 text' }] });
});

test('ten megabytes of aliases are refused for their size, and fewer for being aliases', () => {
  const bomb = `a: &a [x, x]\n${Array.from({ length: 40 }, (_, index) => `b${index}: &b${index} [*a, *a]`).join('\n')}\n`;
  const large = parseSiteFile(`${bomb}c: [${'*a, '.repeat(2_500_000)}]\n`, noFiles);
  assert.deepEqual(large, { problems: [{ line: 1, column: 1, message: 'the file has more than 4 MiB, which no site needs' }] });
  const smaller = parseSiteFile(bomb, noFiles);
  assert.ok('problems' in smaller && smaller.problems.some(({ message }) => message.startsWith('anchors are not allowed')));
});

test('what is said ends at a hundred problems', () => {
  const guests = Array.from({ length: 500 }, (_, index) => `  g${index}: { colour: ${index} }`).join('\n');
  const result = parseSiteFile(`version: 1\nsite: lab\nguests:\n${guests}\n`, noFiles);
  assert.equal('problems' in result && result.problems.length, 100);
});
