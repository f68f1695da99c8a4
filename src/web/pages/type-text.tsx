// A text that is typed in a guest, key by key: there is no other way into one whose system does not take part. What its keyboard has no key for is
// told before.
import { useEffect, useId, useRef, useState } from 'preact/hooks';
import type { ScreenView } from '../screen-client.ts';
import { Dialog } from '../ui/dialog.tsx';
import { type Layout, layouts, strokesOfText } from '../view/screen-keys.ts';
import { useWords } from '../words/use-words.ts';

/** Two minutes, or slowly a quarter of an hour. */
const mostCharacters = 4000;

export function TypeText({ view, onClose }: { view: ScreenView; onClose: () => void }) {
  const { words, language, format } = useWords();
  const [text, setText] = useState('');
  const [layout, setLayout] = useState<Layout>(language === 'fr' ? 'fr' : 'us');
  const [slow, setSlow] = useState(false);
  const [typed, setTyped] = useState<number>();
  const ending = useRef(new AbortController());
  const id = useId();
  useEffect(() => () => ending.current.abort(), []);
  const { strokes, missing } = strokesOfText(text, layout);
  const type = async () => {
    setTyped(0);
    const { signal } = ending.current;
    await view.type(strokes, { pace: slow ? 'slow' : 'usual', onTyped: setTyped, signal });
    if (!signal.aborted) onClose();
  };
  return (
    <Dialog title={words.typeText} onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void type();
        }}
      >
        <label for={id}>{words.textToType}</label>
        <textarea
          id={id}
          rows={6}
          maxlength={mostCharacters}
          value={text}
          autocomplete="off"
          autocapitalize="none"
          spellcheck={false}
          onInput={(event) => setText(event.currentTarget.value)}
        />
        <label for={`${id}-layout`}>{words.keyboardOfGuest}</label>
        <select id={`${id}-layout`} onChange={(event) => setLayout(layouts[event.currentTarget.selectedIndex] ?? 'us')}>
          {layouts.map((each) => (
            <option key={each} selected={each === layout}>
              {words.layouts[each]}
            </option>
          ))}
        </select>
        <label>
          <input type="checkbox" checked={slow} onChange={(event) => setSlow(event.currentTarget.checked)} /> {words.typeSlowly}
        </label>
        <p role="status" class="quiet">
          {typed !== undefined
            ? words.typed(format.number(typed), format.number(strokes.length))
            : missing.length > 0 && words.noKeyFor(missing.join(' '))}
        </p>
        <div class="buttons">
          <button type="submit" disabled={strokes.length === 0 || typed !== undefined}>
            {words.typeIt}
          </button>
          <button type="button" onClick={onClose}>
            {words.cancel}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
