// The line above a guest's console, of letters or of pixels: whether it is open, why it has ended, and the way back.
import { useWords } from '../words/use-words.ts';
import { Mark, Said } from './parts.tsx';

export type ConsoleState = { kind: 'opening' } | { kind: 'open' } | { kind: 'ended'; why: string };

export function ConsoleHead({ state, onAgain }: { state: ConsoleState; onAgain: () => void }) {
  const { words } = useWords();
  return (
    <header>
      <p role="status">
        {state.kind === 'opening' && words.loading}
        {state.kind === 'open' && words.consoleOpen}
        {state.kind === 'ended' && (
          <>
            <Mark tone="amber" /> {words.consoleEnded} <Said>{state.why}</Said>
          </>
        )}
      </p>
      {state.kind === 'ended' && (
        <button type="button" onClick={onAgain}>
          {words.reconnect}
        </button>
      )}
      <span class="quiet">{words.leaveConsole}</span>
    </header>
  );
}
