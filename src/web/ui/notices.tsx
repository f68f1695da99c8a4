// What became of what one asked for, told at the corner until it is read.
import { type ComponentChildren, createContext } from 'preact';
import { useCallback, useContext, useMemo, useState } from 'preact/hooks';
import { type Client, forOneIntention, staleOf } from '../../api/client.ts';
import { toCaissonError } from '../../lib/errors.ts';
import type { Job } from '../../model/job.ts';
import type { PartChange } from '../../model/part-change.ts';
import { useLive } from '../live/use-live.ts';
import { useWords } from '../words/use-words.ts';
import { Mark, Said } from './parts.tsx';

interface Notice {
  id: number;
  tone: 'red' | 'quiet';
  text: string;
  /** Tries it again. */
  again?: () => void;
}

type Tell = (notice: Omit<Notice, 'id'>) => void;

const TellContext = createContext<Tell>(() => {});
let nextId = 1;
const readMs = 6000;

export function Notices({ children }: { children: ComponentChildren }) {
  const { words } = useWords();
  const [notices, setNotices] = useState<Notice[]>([]);
  const remove = (id: number) => setNotices((all) => all.filter((notice) => notice.id !== id));
  const tell = useCallback<Tell>((notice) => {
    const id = nextId++;
    setNotices((all) => [...all.slice(-4), { ...notice, id }]);
    // A failure stays until somebody has seen it.
    if (notice.tone === 'quiet') setTimeout(() => remove(id), readMs);
  }, []);
  return (
    <TellContext.Provider value={tell}>
      {children}
      <div class="notices" aria-live="polite">
        {notices.map(({ id, tone, text, again }) => (
          <div key={id} class="notice">
            <Mark tone={tone} />
            <p>
              {text.startsWith('✓ ') ? (
                <>
                  ✓ <Said>{text.slice(2)}</Said>
                </>
              ) : (
                <Said>{text}</Said>
              )}
            </p>
            {again && (
              <button
                type="button"
                class="link"
                onClick={() => {
                  remove(id);
                  again();
                }}
              >
                {words.again}
              </button>
            )}
            <button type="button" class="link" onClick={() => remove(id)}>
              {words.close}
            </button>
          </div>
        ))}
      </div>
    </TellContext.Provider>
  );
}

export interface ActOptions {
  /** The daemon has taken it: a window that asked for it has done its work. */
  onBegun?: () => void;
  /** Somebody else was faster, and nothing was done. Default: it is told. */
  onStale?: (changes: PartChange[]) => void;
}

type Act = (call: (client: Client) => Promise<Job>, options?: ActOptions) => Promise<boolean>;

/** Does something and tells how it went: of a job, when it has ended. True once it has succeeded. */
export function useAct(): Act {
  const live = useLive();
  const { words } = useWords();
  const tell = useContext(TellContext);
  return useMemo(() => {
    const act = async (client: Client, call: (client: Client) => Promise<Job>, options: ActOptions): Promise<boolean> => {
      try {
        const begun = await call(client);
        options.onBegun?.();
        live.refresh('jobs');
        const job = await live.ended(begun);
        const failed = job.state === 'failed' || job.state === 'cancelled';
        tell({ tone: failed ? 'red' : 'quiet', text: failed ? `${job.title}: ${job.error?.message ?? job.state}` : `✓ ${job.title}` });
        return !failed;
      } catch (cause) {
        const error = toCaissonError(cause);
        const changes = staleOf(error);
        if (changes && options.onStale) options.onStale(changes);
        else if (changes) tell({ tone: 'red', text: words.changedSince(changes) });
        // The same intention: it is done once, also when it had arrived.
        else if (error.code === 'unavailable') tell({ tone: 'red', text: error.message, again: () => void act(client, call, options) });
        else tell({ tone: 'red', text: error.message });
        return false;
      }
    };
    return (call, options = {}) => act(forOneIntention(live.client), call, options);
  }, [live, tell, words]);
}
