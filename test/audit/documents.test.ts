// The audit as people get it: in two languages and three forms, whatever guests and files have written into it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type AuditDocument, createDocument } from '../../src/model/audit-words/document.ts';
import { english } from '../../src/model/audit-words/english.ts';
import { french } from '../../src/model/audit-words/french.ts';
import { renderHtml } from '../../src/cli/audit/render-html.ts';
import { renderMarkdown } from '../../src/cli/audit/render-markdown.ts';
import { renderText } from '../../src/cli/audit/render-text.ts';
import type { Words } from '../../src/model/audit-words/words.ts';
import { plain } from '../../src/cli/style.ts';
import { assertGolden } from '../network/golden.ts';
import { audit, poorEvidence, soundEvidence } from './sample-evidence.ts';

const poor = (words: Words) => createDocument(audit(poorEvidence()), words);
const sound = (words: Words) => createDocument(audit(soundEvidence()), words);

test('the page, the table and the Markdown look as they are known, in English and in French', () => {
  assertGolden('audit-sound-en.html', renderHtml(sound(english)));
  assertGolden('audit-poor-fr.html', renderHtml(poor(french)));
  assertGolden('audit-poor-en.md', renderMarkdown(poor(english)));
  assertGolden('audit-poor-en.txt', renderText(poor(english), { width: 120, paint: plain }));
  assertGolden('audit-sound-fr.txt', renderText(sound(french), { width: undefined, paint: plain }));
});

test('every finding has words in both languages, with names and without', () => {
  for (const words of [english, french]) {
    for (const [code, { says, mend }] of Object.entries(words.findings)) {
      for (const names of ['', 'web', words.list(['app', 'dns', 'web'])])
        assert.match(says(names), /^[\p{L}\p{N}].*\.$/u, `${words.language} ${code}`);
      assert.match(mend, /[.)]$/, `${words.language} ${code}`);
    }
  }
});

/** The document with another text in every place that something else than the words fills. */
function filledWith(document: AuditDocument, text: (old: string) => string): AuditDocument {
  return {
    ...document,
    title: text(document.title),
    facts: document.facts.map(([name, value]) => [name, text(value)]),
    sections: document.sections.map((section) => ({
      ...section,
      findings: section.findings.map((finding) => ({ ...finding, says: text(finding.says), details: finding.details.map(text) })),
      tables: section.tables.map((table) => ({ ...table, rows: table.rows.map((row) => row.map(text)) })),
    })),
  };
}

const tags = (page: string) => page.match(/<[^>]*>/g) ?? [];
const spiteful = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary' }),
  fc.constantFrom(
    '<script>alert(1)</script>',
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    '</style><svg onload=alert(1)>',
    '--><!--',
    ']]>',
    '&lt;b&gt;',
    '\u001b[2J\u202e',
  ),
);

test('no text makes a tag, an attribute or a control character on the page', () => {
  const document = poor(english);
  const before = tags(renderHtml(filledWith(document, () => 'x')));
  fc.assert(
    fc.property(spiteful, (text) => {
      const page = renderHtml(filledWith(document, () => text));
      assert.deepEqual(tags(page), before);
      assert.doesNotMatch(page, /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e]/);
    }),
    { numRuns: 200 },
  );
});

test('the page needs nothing from elsewhere and allows itself nothing', () => {
  const page = renderHtml(poor(french));
  assert.match(page, /^<!doctype html>\n<html lang="fr">/);
  assert.match(page, /content="default-src 'none'; style-src 'unsafe-inline'"/);
  assert.deepEqual(
    [...page.matchAll(/(?:src|href|action)="([^"]*)"/g)].map(([, target]) => target),
    ['#rule1', '#rule2', '#rule3', '#rule4', '#rule5'],
  );
  assert.doesNotMatch(page, /url\(|@import|<script|<link|<iframe/i);
});

test('no text makes a line, a row or a heading of its own in Markdown, nor steers a terminal', () => {
  const document = poor(english);
  const lines = (filled: AuditDocument) => renderMarkdown(filled).split('\n').length;
  const expected = lines(filledWith(document, () => 'x'));
  const columns = (text: string) => text.split(/(?<!\\)\|/).length;
  fc.assert(
    fc.property(spiteful, (text) => {
      const filled = filledWith(document, () => text);
      assert.equal(lines(filled), expected);
      const rows = renderMarkdown(filled)
        .split('\n')
        .filter((line) => line.startsWith('| '));
      const usual = renderMarkdown(filledWith(document, () => 'x'))
        .split('\n')
        .filter((line) => line.startsWith('| '));
      assert.deepEqual(rows.map(columns), usual.map(columns));
      assert.doesNotMatch(renderMarkdown(filled), /(?<!\\)[<[]|[\u001b\u202e]/);
      assert.doesNotMatch(renderText({ ...filled, title: 'x' }, { width: 100, paint: plain }), /[\u001b\u0007\u202e]/);
    }),
    { numRuns: 200 },
  );
});

test('long lists are cut for people, and say so', () => {
  const evidence = soundEvidence();
  const guests = Array.from({ length: 40 }, (_, index) => ({
    ...(evidence.guests[0] as (typeof evidence.guests)[0]),
    name: `app${index}`,
    uid: `gapp${index}`,
    declared: [],
  }));
  const flows = Array.from({ length: 50 }, (_, index) => ({ from: 'all', to: 'all', allow: ['tcp/1'], text: `flow ${index}` }));
  const { sections } = createDocument(audit({ ...evidence, guests, flows, sockets: new Map() }), english);
  const [silent, wide] = [sections[2]?.findings.find(({ says }) => says.startsWith('For app0')), sections[3]?.findings.at(-1)];
  assert.match(silent?.says ?? '', /^For app0, .*, app11, … \(40\) no service/);
  assert.deepEqual([wide?.details.length, wide?.details.at(-1)], [31, '… (50)']);
});
