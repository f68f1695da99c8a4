// Whatever a site file holds: it is read or refused, in the project's own words, at a place that exists, and nothing is thrown.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseDocument, isCollection, isMap, isPair, isScalar, visit, type Document } from 'yaml';
import { renderSiteFile } from '../../src/model/render-site-file.ts';
import { parseSiteFile, type SiteFileProblem } from '../../src/model/site-file.ts';
import { siteArbitrary } from '../site-arbitrary.ts';

const isLong = process.env['CAISSON_TEST_LONG'] === '1';
const runs = (count: number) => ({ seed: 7, numRuns: isLong ? count * 50 : count });

/** Words of the tools below us, and of JavaScript, that no person should read. What somebody wrote himself stands between “ and ”. */
const foreign =
  /Invalid|expected (string|number|int|object|array|record|boolean|nan|date)|received|Unrecognized|Too (big|small)|zod|undefined|\[object|NaN|Infinity|not possible here|something else is|another form/i;

function assertReadable(text: string): SiteFileProblem[] {
  const result = parseSiteFile(text, () => undefined);
  if ('site' in result) return [];
  assert.ok(result.problems.length > 0 && result.problems.length <= 100);
  const lines = text.replace(/^\ufeff/, '').split('\n');
  for (const { line, column, message } of result.problems) {
    assert.ok(line >= 1 && line <= lines.length, `line ${line} of ${lines.length}: ${message}`);
    assert.ok(column >= 1 && column <= (lines[line - 1] ?? '').length + 1, `column ${column} of ${line}: ${message}`);
    assert.doesNotMatch(message.replaceAll(/“[^”]*”/g, '“”').replaceAll(/, not [^ ;]+|: \S+(?= is not one of)/g, ''), foreign);
    assert.match(message, /^[^\u0000-\u001f\u007f-\u009f]{3,610}$/);
  }
  assert.equal(({} as Record<string, unknown>)['polluted'], undefined);
  return result.problems;
}

const pieces = fc.oneof(
  fc.constantFrom(
    ': ',
    '- ',
    '\n',
    '\n  ',
    '\t',
    '\r\n',
    '{',
    '}',
    '[',
    ']',
    ',',
    '"',
    "'",
    '#',
    '&a ',
    '*a',
    '!t ',
    '|',
    '>',
    '?',
    '%',
    '@',
    '`',
    '<<: ',
    '---\n',
    '...\n',
    '\u0000',
    '\ufeff',
    '\ud800',
    '__proto__: { polluted: true }',
    'constructor',
    'null',
    '~',
    'true',
    '1e999',
    '-1',
    '.nan',
    '0x10',
    '0o7',
    'world',
    'zone:',
    'label:a=',
    'é',
    '😀',
    '\u2028',
    'a'.repeat(1100),
    '../',
    '10.0.0.0/8',
  ),
  fc.string({ maxLength: 5 }),
);

test('a site file that was damaged anywhere is read or refused in plain words', () => {
  const edits = fc.array(fc.tuple(fc.nat({ max: 5000 }), fc.nat({ max: 12 }), pieces), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(siteArbitrary(), edits, (site, changes) => {
      let text = renderSiteFile(site);
      for (const [at, length, piece] of changes) {
        const from = at % (text.length + 1);
        text = text.slice(0, from) + piece + text.slice(from + length);
      }
      assertReadable(text);
    }),
    runs(100),
  );
});

test('any text and any bytes are read or refused in plain words', () => {
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 40 }), (parts) => void assertReadable(parts.join(''))),
    runs(500),
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const result = parseSiteFile(bytes, () => undefined);
      assert.ok('problems' in result);
      for (const { line, column } of result.problems) assert.ok(line >= 1 && column >= 1);
    }),
    runs(100),
  );
});

/** Every place of a document where a value stands, as the function that puts another one there. */
function valuesOf(document: Document): ((value: unknown) => void)[] {
  const places: ((value: unknown) => void)[] = [];
  visit(document, {
    Pair(_key, pair) {
      places.push((value) => {
        pair.value = document.createNode(value, { flow: true });
      });
    },
    Seq(_key, seq) {
      for (const index of seq.items.keys()) places.push((value) => seq.set(index, document.createNode(value, { flow: true })));
    },
  });
  return places;
}

test('a value of a wrong kind is one problem, at that value, and nothing else is wrong because of it', () => {
  fc.assert(
    fc.property(siteArbitrary({ minGuests: 2 }), fc.nat(), (site, choice) => {
      const document = parseDocument(renderSiteFile(site));
      const places = valuesOf(document);
      places[choice % places.length]?.([['qqjunkqq']]);
      const text = document.toString({ lineWidth: 0, flowCollectionPadding: false });
      const at = text.indexOf('[[qqjunkqq]]');
      const before = text.slice(0, at).split('\n');
      const problems = assertReadable(text);
      assert.equal(problems.length, 1, JSON.stringify(problems, null, 1));
      assert.equal(problems[0]?.line, before.length);
      const column = problems[0].column - (before.at(-1)?.length ?? 0);
      assert.ok(column >= 1 && column <= 3, `column ${column}: ${problems[0].message}`);
    }),
    runs(100),
  );
});

test('junk of every kind in the place of any value is refused in plain words', () => {
  const junk = fc.oneof(
    fc.constantFrom<unknown>(
      null,
      true,
      0,
      -1,
      1.5,
      1e300,
      Number.MAX_SAFE_INTEGER,
      Infinity,
      NaN,
      '',
      ' ',
      'x'.repeat(3000),
      {},
      [],
      [null],
      { a: null },
      [[]],
      { tcp: 3 },
      { size: '8GiB' },
      { file: 'x' },
    ),
    fc.string(),
    fc.jsonValue(),
  );
  fc.assert(
    fc.property(siteArbitrary({ minGuests: 1 }), fc.array(fc.tuple(fc.nat(), junk), { minLength: 1, maxLength: 4 }), (site, changes) => {
      const document = parseDocument(renderSiteFile(site));
      for (const [choice, value] of changes) {
        const places = valuesOf(document);
        places[choice % places.length]?.(value);
      }
      assertReadable(document.toString());
    }),
    runs(100),
  );
});

test('a field that does not exist is one problem, at its key', () => {
  fc.assert(
    fc.property(siteArbitrary({ minGuests: 1 }), fc.nat(), (site, choice) => {
      const document = parseDocument(renderSiteFile(site));
      const maps: { items: unknown[] }[] = [];
      visit(document, {
        Map(_key, node, path) {
          // Maps of names take any name; those of fields do not.
          const owner = path.findLast(isPair);
          const names =
            isPair(owner) &&
            isScalar(owner.key) &&
            path.filter(isMap).length <= 3 &&
            ['zones', 'images', 'guests', 'labels', 'disks', 'files'].includes(String(owner.key.value));
          const isOfNames = names && path.at(-1) === owner;
          if (!isOfNames) maps.push(node);
        },
      });
      const map = maps[choice % maps.length];
      assert.ok(isCollection(map));
      map.add({ key: document.createNode('qqjunkqq'), value: document.createNode(1) });
      const text = document.toString({ lineWidth: 0 });
      const before = text.slice(0, text.indexOf('qqjunkqq')).split('\n');
      const problems = assertReadable(text);
      assert.equal(problems.length, 1, JSON.stringify(problems, null, 1));
      assert.deepEqual([problems[0]?.line, problems[0]?.column], [before.length, (before.at(-1)?.length ?? 0) + 1]);
      assert.match(problems[0]?.message ?? '', /“qqjunkqq”/);
    }),
    runs(80),
  );
});

test('four megabytes of rubbish end in a refusal, not in a wait', { timeout: 120_000 }, () => {
  // As far as reading goes with each: the limits of depth, of words and signs, of mistakes, and of size.
  const rubbish = ['[', '- ', 'a: *b\n', '"a" ', '{}, ', '---\n', 'é'];
  for (const unit of rubbish) {
    const text = `version: 1\nsite: lab\nguests:\n${unit.repeat(Math.floor((4 * 1024 * 1024 - 100) / Buffer.byteLength(unit)))}`;
    const result = parseSiteFile(text, () => undefined);
    assert.ok('problems' in result && result.problems.length >= 1, JSON.stringify(unit));
  }
});
