// A text of the site file, or of a part of it: what is wrong with it and where, else the difference that it would make.
import { useId, useRef, useState } from 'preact/hooks';
import type { SiteFileProblem } from '../../model/site-file.ts';
import type { Site } from '../../model/site.ts';
import type { ReadSite } from '../site-text.ts';
import { Mark } from '../ui/parts.tsx';
import { useWords } from '../words/use-words.ts';
import { ProblemText } from './problem-text.tsx';
import { SiteChange } from './site-change.tsx';

interface SiteEditorProps {
  text: string;
  label: string;
  /** `now`: the site of which it is a part, where a later one than that of the text is known. */
  read: (text: string, now?: Site) => ReadSite;
  onApplied?: (site: Site) => void;
}

export function SiteEditor(props: SiteEditorProps) {
  const { words } = useWords();
  const [text, setText] = useState(props.text);
  const [problems, setProblems] = useState<SiteFileProblem[]>([]);
  const [wanted, setWanted] = useState<Site>();
  // What the text was made from: the site may change while somebody types, and what was typed is never lost by that.
  const [from, setFrom] = useState(props.text);
  const [isApplied, setApplied] = useState(false);
  if (props.text !== from && (text === from || isApplied)) {
    setFrom(props.text);
    setText(props.text);
    setApplied(false);
    setProblems([]);
    setWanted(undefined);
  }
  const area = useRef<HTMLTextAreaElement>(null);
  const id = useId();
  const lines = text.split('\n').length;
  const show = (now?: Site) => {
    const read = props.read(text, now);
    setProblems('problems' in read ? read.problems : []);
    setWanted('site' in read ? read.site : undefined);
  };
  const goTo = ({ line, column }: SiteFileProblem) => {
    const element = area.current;
    if (!element) return;
    const at =
      text
        .split('\n')
        .slice(0, line - 1)
        .join('\n').length +
      (line > 1 ? 1 : 0) +
      column -
      1;
    element.focus();
    element.setSelectionRange(at, at);
    element.scrollTop = (line - 3) * Number.parseFloat(getComputedStyle(element).lineHeight);
  };
  return (
    <div class="editor">
      <textarea
        ref={area}
        aria-label={props.label}
        aria-describedby={`${id}-problems`}
        aria-invalid={problems.length > 0}
        spellcheck={false}
        autocapitalize="none"
        wrap="off"
        rows={Math.max(8, Math.min(32, lines + 1))}
        value={text}
        onInput={(event) => {
          setText(event.currentTarget.value);
          setProblems([]);
          setWanted(undefined);
        }}
      />
      <div class="buttons">
        <button type="button" class="primary" onClick={() => show()}>
          {words.showDifference}
        </button>
        <button
          type="button"
          disabled={text === props.text}
          onClick={() => {
            setFrom(props.text);
            setText(props.text);
            setProblems([]);
            setWanted(undefined);
          }}
        >
          {words.discard}
        </button>
      </div>
      {props.text !== from && !isApplied && (
        <p class="tone-amber" role="status">
          <Mark tone="amber" /> {words.changedMeanwhile}
        </p>
      )}
      <div id={`${id}-problems`} role="alert">
        {problems.length > 0 && (
          <div class="problem">
            <Mark tone="red" />
            <div>
              <strong>{words.fileProblems(problems.length)}</strong>
              <ul class="plain">
                {problems.map((problem) => (
                  <li key={`${problem.line} ${problem.column} ${problem.message}`}>
                    <button type="button" class="link" onClick={() => goTo(problem)}>
                      {words.lineColumn(problem.line, problem.column)}
                    </button>{' '}
                    <ProblemText message={problem.message} />
                  </li>
                ))}
              </ul>
            </div>
          </div>
        )}
      </div>
      {wanted && (
        <SiteChange
          key={text}
          site={wanted}
          onAnew={show}
          onApplied={() => {
            setApplied(true);
            props.onApplied?.(wanted);
          }}
        />
      )}
    </div>
  );
}
