import { pages } from '../route.ts';
import { Dialog } from '../ui/dialog.tsx';
import { useWords } from '../words/use-words.ts';
import { pageKeys } from './keys.ts';

export function Shortcuts({ onClose }: { onClose: () => void }) {
  const { words } = useWords();
  return (
    <Dialog title={words.shortcuts} onClose={onClose}>
      <dl class="shortcuts">
        {[
          ['/', words.searchEverything],
          ['Ctrl K', words.anyAction],
          ['?', words.shortcuts],
          ['↑ ↓', words.arrowsInTables],
          ['␣', words.spaceSelects],
          ...pages.map((page) => [`g ${pageKeys[page]}`, words.pages[page]]),
        ].map(([keys = '', does]) => (
          <div key={keys}>
            <dt>
              {keys.split(' ').map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
      <div class="buttons">
        <button type="button" autofocus onClick={onClose}>
          {words.close}
        </button>
      </div>
    </Dialog>
  );
}
