// The hooks by which components see the daemon.
import { createContext } from 'preact';
import { useContext, useEffect, useReducer } from 'preact/hooks';
import { CaissonError } from '../../lib/errors.ts';
import type { Connection, Live } from './live.ts';
import type { Resource } from './resources.ts';
import type { Entry } from './store.ts';

export const LiveContext = createContext<Live | undefined>(undefined);

export function useLive(): Live {
  const live = useContext(LiveContext);
  if (!live) throw new CaissonError('internal', 'there is no daemon above this component');
  return live;
}

/** The answer as it is known now, and at every change of it. Without a question nothing is asked. */
export function useResource<T>(resource: Resource<T> | undefined): Entry<T> {
  const live = useLive();
  const [, render] = useReducer((count: number) => count + 1, 0);
  useEffect(() => (resource ? live.watch(resource, () => render(undefined)) : undefined), [live, resource?.key]);
  return resource ? live.read(resource) : nothing;
}

const nothing: Entry<never> = { value: undefined, error: undefined, settled: false };

export function useConnection(): Connection {
  const live = useLive();
  const [, render] = useReducer((count: number) => count + 1, 0);
  useEffect(() => live.onConnection(() => render(undefined)), [live]);
  return live.connection;
}

/** The time, again every so often: for what is told relative to now. */
export function useNow(everyMs = 10_000): number {
  const [now, tick] = useReducer(() => Date.now(), Date.now());
  useEffect(() => {
    const timer = setInterval(() => tick(undefined), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return now;
}
