// The screen of a guest in the page, with keyboard and pointer. Loaded when somebody wants it.
import { useEffect, useRef, useState } from 'preact/hooks';
import { useLive } from '../live/use-live.ts';
import { type ScreenView, showScreen } from '../screen-client.ts';
import { ConsoleHead, type ConsoleState } from '../ui/console-head.tsx';
import { chordName, chords } from '../view/screen-keys.ts';
import { useWords } from '../words/use-words.ts';
import { TypeText } from './type-text.tsx';

export function GuestScreen({ guest }: { guest: string }) {
  const { words } = useWords();
  const live = useLive();
  const section = useRef<HTMLElement>(null);
  const box = useRef<HTMLDivElement>(null);
  const view = useRef<ScreenView>(undefined);
  const [state, setState] = useState<ConsoleState>({ kind: 'opening' });
  const [again, setAgain] = useState(0);
  const [fits, setFits] = useState(true);
  const [typing, setTyping] = useState(false);
  const name = words.screenOf(guest);
  useEffect(() => {
    if (!box.current) return;
    setState({ kind: 'opening' });
    const opened = showScreen(box.current, live.client, guest, name, {
      onOpen() {
        setState({ kind: 'open' });
        opened.focus();
      },
      onEnd: (why) => setState({ kind: 'ended', why }),
      onLeave: () => document.querySelector<HTMLElement>('.tabs [aria-current]')?.focus(),
    });
    view.current = opened;
    return () => opened.close();
  }, [guest, live, again, name]);
  useEffect(() => view.current?.fit(fits), [fits, again]);
  const press = (codes: readonly string[]) => {
    view.current?.press(codes);
    view.current?.focus();
  };
  const isOpen = state.kind === 'open';
  return (
    <section ref={section} class="section console" aria-label={name}>
      <ConsoleHead state={state} onAgain={() => setAgain(again + 1)} />
      <div class="console-tools">
        <Chords isOpen={isOpen} onPress={press} />
        <button type="button" disabled={!isOpen} onClick={() => setTyping(true)}>
          {words.typeText}
        </button>
        <button type="button" aria-pressed={!fits} onClick={() => setFits(!fits)}>
          {words.actualSize}
        </button>
        <button type="button" onClick={() => void fillScreen(section.current, view.current)}>
          {words.fullScreen}
        </button>
      </div>
      <div ref={box} class="screen graphic" />
      {typing && view.current && <TypeText view={view.current} onClose={() => setTyping(false)} />}
    </section>
  );
}

/** What a browser keeps for itself: the best known as a button, the others to be chosen. */
function Chords({ isOpen, onPress }: { isOpen: boolean; onPress: (codes: readonly string[]) => void }) {
  const { words } = useWords();
  const [first, ...others] = chords;
  const [chosen, setChosen] = useState(0);
  return (
    <>
      {first && (
        <button type="button" disabled={!isOpen} onClick={() => onPress(first)}>
          {chordName(first, words.keyNames)}
        </button>
      )}
      <form
        onSubmit={(event) => {
          event.preventDefault();
          onPress(others[chosen] ?? []);
        }}
      >
        <select aria-label={words.otherKeys} disabled={!isOpen} onChange={(event) => setChosen(event.currentTarget.selectedIndex)}>
          {others.map((codes) => {
            const label = chordName(codes, words.keyNames);
            return <option key={label}>{label}</option>;
          })}
        </select>
        <button type="submit" disabled={!isOpen}>
          {words.sendKeys}
        </button>
      </form>
    </>
  );
}

/** There the keys that the browser keeps elsewhere go to the guest too, where it knows how: it is left by holding Escape. */
async function fillScreen(element: HTMLElement | null, view: ScreenView | undefined): Promise<void> {
  if (!element) return;
  if (document.fullscreenElement) {
    await document.exitFullscreen();
    return;
  }
  await element.requestFullscreen();
  view?.focus();
  const { keyboard } = navigator as Navigator & { keyboard?: { lock(): Promise<void> } };
  await keyboard?.lock().catch(() => undefined);
}
