// What the printed page looks like: black on white, one serious face, four signs. No text of anybody is ever part of it.

export const pageStyle = `
:root { --ink: #1a1d21; --soft: #5b636e; --line: #d4d8de; --wash: #f4f6f8; --holds: #1b6b3a; --weak: #8a5a00; --unknown: #4a4f8c; --broken: #a5161d; }
* { box-sizing: border-box; }
html { background: #e9ecef; }
body { max-width: 62rem; margin: 2rem auto; padding: 3rem 3.5rem; background: #fff; color: var(--ink);
  font: 15px/1.5 "Source Sans 3", "Segoe UI", "Helvetica Neue", Arial, "DejaVu Sans", sans-serif; }
header { border-bottom: 3px solid var(--ink); padding-bottom: 1rem; margin-bottom: 1.5rem; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 1rem; letter-spacing: -0.01em; }
h2 { font-size: 1.2rem; line-height: 1.3; margin: 2.2rem 0 0.5rem; padding-bottom: 0.35rem; border-bottom: 1px solid var(--line);
  display: flex; justify-content: space-between; align-items: baseline; gap: 1rem; }
p { margin: 0.5rem 0; }
header dl { display: grid; grid-template-columns: repeat(2, 1fr); gap: 0.15rem 2rem; margin: 0 0 1rem; }
header dl div { display: flex; gap: 0.75rem; }
header dt { color: var(--soft); min-width: 6rem; }
dd { margin: 0; }
.overall { padding: 0.7rem 1rem; background: var(--wash); border-left: 5px solid currentColor; }
.overall.holds, .badge.holds, .sign { color: var(--holds); }
.overall.weak, .badge.weak, .finding.weak .sign { color: var(--weak); }
.overall.unknown, .badge.unknown, .finding.unknown .sign { color: var(--unknown); }
.overall.broken, .badge.broken, .finding.broken .sign { color: var(--broken); }
.badge { white-space: nowrap; font-weight: 650; font-size: 0.95rem; }
.aim { color: var(--soft); }
.finding { margin: 0.8rem 0; padding: 0.1rem 0 0.1rem 1rem; border-left: 3px solid var(--line); }
.finding.weak { border-color: var(--weak); }
.finding.unknown { border-color: var(--unknown); }
.finding.broken { border-color: var(--broken); }
.mend em { font-style: normal; font-weight: 650; font-size: 0.8rem; text-transform: uppercase; letter-spacing: 0.04em; margin-right: 0.4em; }
.details { margin: 0.3rem 0; padding-left: 1.2rem; }
code { font: 0.85em "DejaVu Sans Mono", Menlo, Consolas, monospace; overflow-wrap: anywhere; }
.wide { overflow-x: auto; }
table { width: 100%; border-collapse: collapse; margin: 1rem 0; font-size: 0.9rem; }
caption { text-align: left; font-weight: 650; padding: 0.2rem 0; }
caption::first-letter, thead th::first-letter, tbody th::first-letter, header dt::first-letter { text-transform: uppercase; }
.wide tbody th::first-letter { text-transform: none; }
th, td { text-align: left; vertical-align: top; padding: 0.4rem 0.6rem; border-bottom: 1px solid var(--line); overflow-wrap: break-word; }
thead th { background: var(--wash); font-weight: 600; color: var(--soft); }
tbody th { font-weight: 600; }
.summary th a { color: inherit; text-decoration: none; }
.summary tbody th { width: 30%; }
.summary ul { margin: 0; padding-left: 1.1rem; }
.legend div { display: grid; grid-template-columns: 18rem 1fr; gap: 1rem; margin: 0.2rem 0; }
.signatures { display: grid; grid-template-columns: 2fr 1fr 2fr; gap: 2rem; margin-top: 3.5rem; }
.signatures div { border-top: 1px solid var(--ink); padding-top: 0.3rem; color: var(--soft); font-size: 0.85rem; }
footer { margin-top: 2.5rem; padding-top: 0.7rem; border-top: 1px solid var(--line); color: var(--soft); font-size: 0.85rem; }
@media screen and (max-width: 50rem) { body { margin: 0; padding: 1.2rem; } header dl { grid-template-columns: 1fr; } h2 { flex-wrap: wrap; } .legend div { grid-template-columns: 1fr; gap: 0; } }
@page { size: A4; margin: 16mm 15mm; }
@media print {
  html { background: #fff; font-size: 12.5px; }
  body { max-width: none; margin: 0; padding: 0; font-size: 1rem; }
  h2, caption { break-after: avoid; }
  tr, .finding, .together { break-inside: avoid; }
  thead { display: table-header-group; }
  .wide { overflow: visible; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
`;
