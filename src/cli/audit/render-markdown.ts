// An audit as Markdown, for a wiki or a ticket. What is written in it can neither begin a heading nor a link nor a table of its own. Pure.
import { harmlessLine } from '../../lib/harmless.ts';
import type { AuditTable } from '../../model/audit-words/audit-table.ts';
import type { AuditDocument, AuditSection } from '../../model/audit-words/document.ts';

export function renderMarkdown({ words, title, facts, verdict, sections }: AuditDocument): string {
  const { labels } = words;
  return [
    `# ${plain(title)}`,
    facts.map(([name, value]) => `- ${plain(name)}: ${plain(value)}`).join('\n'),
    `**${plain(words.verdicts[verdict])}** – ${plain(words.legend[verdict])}`,
    plain(words.introduction),
    `## ${plain(labels.summary)}`,
    renderTable({
      caption: '',
      columns: [labels.rule, labels.verdict],
      rows: sections.map(({ title: rule, word }, index) => [`${index + 1}. ${rule}`, word]),
    }),
    ...sections.flatMap((section, index) => renderSection(section, index, labels.mend, labels.nothingFound)),
    `## ${plain(labels.limits)}`,
    words.limits.map((text) => `- ${plain(text)}`).join('\n'),
    `---\n\n${plain(words.again)}`,
  ]
    .filter(Boolean)
    .join('\n\n')
    .concat('\n');
}

function renderSection({ title, aim, word, findings, tables }: AuditSection, index: number, mend: string, none: string): string[] {
  return [
    `## ${index + 1}. ${plain(title)}: ${plain(word)}`,
    plain(aim),
    ...(findings.length === 0 ? [plain(none)] : []),
    ...findings.map(({ says, details, mend: what }) =>
      [`- ${plain(says)}`, ...details.map((text) => `  - ${plain(text)}`), `  - **${plain(mend)}:** ${plain(what)}`].join('\n'),
    ),
    ...tables.flatMap((table) => [`**${plain(table.caption)}**`, renderTable(table)]),
  ];
}

function renderTable({ columns, rows }: AuditTable): string {
  const row = (cells: readonly string[]) => `| ${cells.map(plain).join(' | ')} |`;
  return [row(columns), `|${' --- |'.repeat(columns.length)}`, ...rows.map(row)].join('\n');
}

function plain(text: string): string {
  return harmlessLine(text).replaceAll(/[\\`*_{}[\]<>#|~&!]/g, '\\$&');
}
