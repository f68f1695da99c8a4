// An audit as one page that needs nothing else: to be opened, printed, signed. Every text in it is escaped, wherever it comes from, and
// the page forbids itself scripts, pictures and connections. Verdicts are told by words and signs, colours only repeat them. Pure.
import { harmless } from '../../lib/harmless.ts';
import type { AuditVerdict } from '../../model/audit.ts';
import { type AuditTable, nothing } from '../../model/audit-words/audit-table.ts';
import type { AuditDocument, AuditSection } from '../../model/audit-words/document.ts';
import { pageStyle } from './page-style.ts';
import type { Words } from '../../model/audit-words/words.ts';

const signs: Record<AuditVerdict, string> = { holds: '✓', weak: '△', unknown: '?', broken: '✕' };

/** What is already HTML. */
class Markup {
  readonly html: string;

  constructor(html: string) {
    this.html = html;
  }
}

type Part = string | Markup | readonly Part[];

/** The only way to HTML: what stands between is escaped unless it is markup. */
function markup(strings: TemplateStringsArray, ...parts: readonly Part[]): Markup {
  return new Markup(strings.map((text, index) => text + (index < parts.length ? toHtml(parts[index] as Part) : '')).join(''));
}

function toHtml(part: Part): string {
  if (part instanceof Markup) return part.html;
  if (typeof part !== 'string') return part.map(toHtml).join('');
  return harmless(part)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}

export function renderHtml(document: AuditDocument): string {
  const { words, title, facts, verdict, sections } = document;
  const { labels, limits, legend, verdicts } = words;
  const page = markup`<!doctype html>
<html lang="${words.language}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="Caisson">
<title>${title}</title>
<style>${new Markup(pageStyle)}</style>
</head>
<body>
<header>
<h1>${title}</h1>
<dl>
${facts.map(([name, value]) => markup`<div><dt>${name}</dt><dd>${value}</dd></div>\n`)}</dl>
<p class="overall ${verdict}">${badge(verdict, verdicts[verdict])} ${legend[verdict]}</p>
<p>${words.introduction}</p>
</header>
<main>
<section>
<h2>${labels.summary}</h2>
${renderSummary(document)}
</section>
${sections.map((section, index) => renderSection(section, index, words))}<section class="together">
<h2>${labels.legend}</h2>
<dl class="legend">
${(Object.keys(signs) as AuditVerdict[]).map(
  (each) => markup`<div><dt>${badge(each, verdicts[each])}</dt><dd>${legend[each]}</dd></div>\n`,
)}</dl>
</section>
<section class="together">
<h2>${labels.limits}</h2>
<ul>
${limits.map((text) => markup`<li>${text}</li>\n`)}</ul>
</section>
<section class="signatures together">
${[labels.readBy, labels.date, labels.signature].map((name) => markup`<div>${name}</div>\n`)}</section>
</main>
<footer>${words.again}</footer>
</body>
</html>
`;
  return page.html;
}

function badge(verdict: AuditVerdict, word: string): Markup {
  return markup`<strong class="badge ${verdict}"><span aria-hidden="true">${signs[verdict]}</span> ${word}</strong>`;
}

function renderSummary({ sections, words: { labels } }: AuditDocument): Markup {
  const columns = [labels.rule, labels.verdict, labels.actionNeeded];
  const rows = sections.map(({ title, verdict, word, findings }, index) => {
    const number = String(index + 1);
    const mends = [...new Set(findings.map(({ mend }) => mend))];
    const todo = mends.length === 0 ? nothing : markup`<ul>${mends.map((mend) => markup`<li>${mend}</li>`)}</ul>`;
    const name = markup`<th scope="row"><a href="#rule${number}">${number}. ${title}</a></th>`;
    return markup`<tr>${name}<td>${badge(verdict, word)}</td><td>${todo}</td></tr>\n`;
  });
  return markup`<table class="summary">
<thead><tr>${columns.map(heading)}</tr></thead>
<tbody>
${rows}</tbody>
</table>`;
}

function renderSection({ title, aim, verdict, word, findings, tables }: AuditSection, index: number, { labels }: Words): Markup {
  const number = String(index + 1);
  return markup`<section id="rule${number}">
<h2><span>${number}. ${title}</span> ${badge(verdict, word)}</h2>
<p class="aim">${aim}</p>
${findings.length === 0 ? markup`<p>${labels.nothingFound}</p>\n` : ''}${findings.map((finding) => renderFinding(finding, labels.mend))}${tables.map(renderTable)}</section>
`;
}

function renderFinding({ verdict, says, details, mend }: AuditSection['findings'][number], todo: string): Markup {
  const evidence = markup`<ul class="details">${details.map((text) => markup`<li><code>${text}</code></li>`)}</ul>\n`;
  return markup`<div class="finding ${verdict}">
<p><span class="sign" aria-hidden="true">${signs[verdict]}</span> ${says}</p>
${details.length > 0 ? evidence : ''}<p class="mend"><em>${todo}</em> ${mend}</p>
</div>
`;
}

function renderTable({ caption, columns, rows }: AuditTable): Markup {
  return markup`<div class="wide"><table>
<caption>${caption}</caption>
<thead><tr>${columns.map(heading)}</tr></thead>
<tbody>
${rows.map(renderRow)}</tbody>
</table></div>
`;
}

function renderRow([name = '', ...cells]: readonly string[]): Markup {
  return markup`<tr><th scope="row">${name}</th>${cells.map((cell) => markup`<td>${cell}</td>`)}</tr>\n`;
}

function heading(text: string): Markup {
  return markup`<th scope="col">${text}</th>`;
}
