// The security report: five rules, each with verdict, findings, what to do, and the evidence; the same words as `caisson audit`.
import { createDocument, type AuditSection } from '../../model/audit-words/document.ts';
import { english } from '../../model/audit-words/english.ts';
import { french } from '../../model/audit-words/french.ts';
import type { AuditVerdict } from '../../model/audit.ts';
import { audit } from '../live/resources.ts';
import { useLive, useResource } from '../live/use-live.ts';
import { Command, Facts, Loaded, Mark, NoSite } from '../ui/parts.tsx';
import type { Tone } from '../view/guest-state.ts';
import { useWords } from '../words/use-words.ts';

const catalogues = { en: english, fr: french };
const tones: Record<AuditVerdict, Tone> = { holds: 'quiet', weak: 'amber', unknown: 'unknown', broken: 'red' };

export function AuditPage() {
  const { words, language } = useWords();
  const live = useLive();
  const entry = useResource(audit);
  if (entry.error?.code === 'not-found')
    return (
      <div class="page">
        <h1>{words.pages.audit}</h1>
        <NoSite />
      </div>
    );
  return (
    <div class="page">
      <header class="page-head">
        <h1 class="grow">{words.pages.audit}</h1>
        <button type="button" onClick={() => live.refresh(audit.key)}>
          {words.lookAgain}
        </button>
      </header>
      <Loaded entry={entry}>
        {(value) => {
          const document = createDocument(value, catalogues[language]);
          return (
            <>
              <p class={`verdict tone-${tones[document.verdict]}`}>
                <Mark tone={tones[document.verdict]} />
                <strong>{document.words.verdicts[document.verdict]}</strong> {document.words.legend[document.verdict]}
              </p>
              <p>{document.words.introduction}</p>
              <Facts items={document.facts} />
              {document.sections.map((section, index) => (
                <Rule
                  key={section.title}
                  section={section}
                  number={index + 1}
                  mend={document.words.labels.mend}
                  none={document.words.labels.nothingFound}
                />
              ))}
              <Command text={`caisson audit --language ${language} -o html --out audit.html`} />
            </>
          );
        }}
      </Loaded>
    </div>
  );
}

function Rule({ section, number, mend, none }: { section: AuditSection; number: number; mend: string; none: string }) {
  const { words } = useWords();
  return (
    <section class="section rule">
      <header>
        <h2>
          {number}. {section.title}
        </h2>
        <span class={`state tone-${tones[section.verdict]}`}>
          <Mark tone={tones[section.verdict]} />
          {section.word}
        </span>
      </header>
      <p class="quiet">{section.aim}</p>
      {section.findings.length === 0 && <p>{none}</p>}
      <ul class="plain findings">
        {section.findings.map((finding) => (
          <li key={finding.says}>
            <Mark tone={tones[finding.verdict]} />
            <div>
              <p>{finding.says}</p>
              {finding.details.length > 0 && (
                <ul lang="en">
                  {finding.details.map((text) => (
                    <li key={text}>
                      <code>{text}</code>
                    </li>
                  ))}
                </ul>
              )}
              <p>
                <em>{mend}</em> {finding.mend}
              </p>
            </div>
          </li>
        ))}
      </ul>
      {section.tables.length > 0 && (
        <details>
          <summary>{words.evidence}</summary>
          {section.tables.map(({ caption, columns, rows }) => (
            <div key={caption} class="scroll" tabIndex={0} role="region" aria-label={caption}>
              <table>
                <caption>{caption}</caption>
                <thead>
                  <tr>
                    {columns.map((column) => (
                      <th key={column} scope="col">
                        {column}
                      </th>
                    ))}
                  </tr>
                </thead>
                <tbody>
                  {rows.map((cells, index) => (
                    <tr key={index}>
                      {cells.map((cell, column) => (
                        <td key={column}>{cell}</td>
                      ))}
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          ))}
        </details>
      )}
    </section>
  );
}
