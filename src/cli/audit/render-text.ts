// An audit on a terminal: verdicts, what was found, what to do; the evidence as tables. Pure.
import { harmlessLine } from '../../lib/harmless.ts';
import type { AuditVerdict } from '../../model/audit.ts';
import type { Paint, Style } from '../style.ts';
import { renderTable } from '../table.ts';
import type { AuditTable } from '../../model/audit-words/audit-table.ts';
import type { AuditDocument, AuditSection } from '../../model/audit-words/document.ts';
import { wrapText } from '../wrap-text.ts';

const styles: Record<AuditVerdict, Style | undefined> = { holds: undefined, weak: 'amber', unknown: 'amber', broken: 'red' };

export interface TextOptions {
  /** Of the terminal; absent: no terminal, long lines do no harm. */
  width: number | undefined;
  paint: Paint;
}

export function renderText({ words, title, facts, verdict, sections }: AuditDocument, options: TextOptions): string {
  const { paint } = options;
  const width = Math.max(...facts.map(([name]) => name.length));
  return [
    paint(title, 'bold'),
    ...facts.map(([name, value]) => `${paint(name.padEnd(width), 'dim')}  ${harmlessLine(value)}`),
    '',
    `${paint(words.verdicts[verdict], styles[verdict])}: ${words.legend[verdict]}`,
    ...sections.flatMap((section, index) => ['', ...renderSection(section, index, words.labels.mend, options)]),
    '',
  ].join('\n');
}

function renderSection(
  { title, verdict, word, findings, tables }: AuditSection,
  index: number,
  mend: string,
  options: TextOptions,
): string[] {
  const { paint } = options;
  const lines = (text: string, indent: number, style?: Style) =>
    wrapText(harmlessLine(text), Math.max(40, Math.min(options.width ?? 120, 120) - indent)).map(
      (line) => `${' '.repeat(indent)}${paint(line, style)}`,
    );
  return [
    `${paint(`${index + 1}. ${title}`, 'bold')}: ${paint(word, styles[verdict])}`,
    ...findings.flatMap((finding) => [
      ...lines(finding.says, 3, styles[finding.verdict]),
      ...finding.details.flatMap((text) => lines(text, 5)),
      ...lines(`→ ${mend}: ${finding.mend}`, 5),
    ]),
    ...tables.flatMap((table) => ['', ...renderEvidence(table, options)]),
  ];
}

function renderEvidence({ columns, rows }: AuditTable, { width, paint }: TextOptions): string[] {
  const shape = columns.map((title, index) => ({
    title: title.toUpperCase(),
    text: (row: string[]) => row[index] ?? '',
    shrink: index > 0,
  }));
  return renderTable(rows, shape, { width: width === undefined ? undefined : width - 3, paint })
    .trimEnd()
    .split('\n')
    .map((line) => `   ${line}`);
}
