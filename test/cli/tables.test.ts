// Tables and fields as people see them, in any width.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { painter, plain } from '../../src/cli/style.ts';
import { harmless } from '../../src/lib/harmless.ts';
import { type Column, listNames, renderFields, renderTable } from '../../src/cli/table.ts';
import { cutText, textWidth } from '../../src/cli/text-width.ts';
import { Terminal } from './terminal.ts';

interface Row {
  name: string;
  count: number;
  why: string;
}

const columns: Column<Row>[] = [
  { title: 'NAME', text: (row) => row.name },
  { title: 'COUNT', text: (row) => String(row.count), right: true },
  { title: 'WHY', text: (row) => row.why, shrink: true, optional: true },
];

const rows: Row[] = [
  { name: 'web', count: 7, why: '' },
  { name: 'database', count: 1200, why: 'waits for the disk that somebody took away' },
];

test('columns stand under their titles, numbers to the right', () => {
  assert.equal(
    renderTable(rows, columns, { paint: plain }),
    'NAME      COUNT  WHY\nweb           7\ndatabase   1200  waits for the disk that somebody took away\n',
  );
});

test('a column that may shrink gives way in a narrow terminal, and an empty one goes', () => {
  assert.equal(
    renderTable(rows, columns, { paint: plain, width: 30 }),
    'NAME      COUNT  WHY\nweb           7\ndatabase   1200  waits for th…\n',
  );
  assert.equal(renderTable(rows.slice(0, 1), columns, { paint: plain }), 'NAME  COUNT\nweb       7\n');
  assert.equal(renderTable([], columns, { paint: plain }), '');
});

test('no line of a table is wider than the terminal', () => {
  const cell = fc.string({ unit: 'grapheme', maxLength: 40 });
  fc.assert(
    fc.property(
      fc.array(fc.record({ name: cell, count: fc.nat(), why: cell }), { maxLength: 5 }),
      fc.integer({ min: 20, max: 120 }),
      (items, width) => {
        for (const line of renderTable(items, columns, { paint: plain, width }).split('\n')) assert.ok(textWidth(line) <= width, line);
      },
    ),
  );
});

test('wide characters take two columns and combining ones none', () => {
  assert.equal(textWidth('日本'), 4);
  assert.equal(textWidth('é'), 1);
  assert.equal(textWidth('e\u0301'), 1);
  assert.equal(textWidth('🚀'), 2);
  assert.equal(cutText('日本語', 5), '日本…');
  assert.equal(cutText('日本語', 4), '日…');
  assert.equal(cutText('abc', 3), 'abc');
});

test('what comes from elsewhere cannot steer the terminal, nor begin a line, nor turn the reading order', () => {
  assert.equal(harmless('a\u001b[2Jb\u202ec\u0007'), 'a�[2Jb�c�');
  const hostile = [{ name: 'x\u001b]0;title\u0007', count: 1, why: 'one\ntwo' }];
  assert.equal(renderTable(hostile, columns, { paint: plain }), 'NAME         COUNT  WHY\nx�]0;title�      1  one two\n');
  assert.equal(renderFields([['why', 'one\u001b[31m\ntwo']], plain), 'why  one�[31m\n     two\n');
});

test('colours are for a terminal whose user wants them', () => {
  const size = { columns: 80, rows: 24 };
  const paint = (terminal: Terminal) => painter(terminal.stdout, terminal.env)('x', 'red');
  assert.equal(paint(new Terminal({ size })), '\u001b[31mx\u001b[39m');
  assert.equal(paint(new Terminal()), 'x');
  assert.equal(paint(new Terminal({ size, env: { NO_COLOR: '1' } })), 'x');
  assert.equal(paint(new Terminal({ size, env: { NO_COLOR: '' } })), '\u001b[31mx\u001b[39m');
  assert.equal(paint(new Terminal({ size, env: { TERM: 'dumb' } })), 'x');
});

test('colours do not move the columns', () => {
  const styled = columns.map((column) => ({ ...column, style: () => 'amber' as const }));
  const { stdout, env } = new Terminal({ size: { columns: 80, rows: 24 } });
  const painted = renderTable(rows, styled, { paint: painter(stdout, env), width: 40 });
  // eslint-disable-next-line no-control-regex -- taking the colours away is the point
  assert.equal(painted.replaceAll(/\u001b\[\d+m/g, ''), renderTable(rows, columns, { paint: plain, width: 40 }));
});

test('very many names are told by the first and their number', () => {
  assert.equal(listNames(['a', 'b']), 'a b');
  const many = Array.from({ length: 20 }, (_, index) => `n${index}`);
  assert.equal(listNames(many, ', '), 'n0, n1, n2, n3, n4, n5, n6, n7, n8, n9, n10, n11, … (20)');
});
