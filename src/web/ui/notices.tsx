// What became of what one asked for, told at the corner until it is read.
import { type ComponentChildren, createContext } from 'preact';
import { useCallback, useContext, useMemo, useState } from 'preact/hooks';
import type { Client } from '../../api/client.ts';
import { toCaissonError } from '../../lib/errors.ts';
import type { Job } from '../../model/job.ts';
import { useLive } from '../live/use-live.ts';
import { useWords } from '../words/use-words.ts';
import { Mark } from './parts.tsx';

interface Notice {
  id: number;
  tone: 'red' | 'quiet';
  text: string;
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
        {notices.map(({ id, tone, text }) => (
          <div key={id} class="notice">
            <Mark tone={tone} />
            <p lang="en">{text}</p>
            <button type="button" class="link" onClick={() => remove(id)}>
              {words.close}
            </button>
          </div>
        ))}
      </div>
    </TellContext.Provider>
  );
}

/** Does something and tells how it went: of a job, when it has ended. True once it has succeeded. */
export function useAct(): (call: (client: Client) => Promise<Job>) => Promise<boolean> {
  const live = useLive();
  const tell = useContext(TellContext);
  return useMemo(
    () => async (call) => {
      try {
        const begun = await call(live.client);
        live.refresh('jobs');
        const job = await live.ended(begun);
        const failed = job.state === 'failed' || job.state === 'cancelled';
        tell({ tone: failed ? 'red' : 'quiet', text: failed ? `${job.title}: ${job.error?.message ?? job.state}` : `✓ ${job.title}` });
        return !failed;
      } catch (error) {
        tell({ tone: 'red', text: toCaissonError(error).message });
        return false;
      }
    },
    [live, tell],
  );
}
