// Something that is sent and may be refused.
import { useState } from 'preact/hooks';
import { type CaissonError, toCaissonError } from '../../lib/errors.ts';

/** The refusal stands until the next try. */
export function useSend(): { error: CaissonError | undefined; send: (work: () => Promise<void>) => void } {
  const [error, setError] = useState<CaissonError>();
  return {
    error,
    send: (work) => {
      setError(undefined);
      work().catch((cause: unknown) => setError(toCaissonError(cause)));
    },
  };
}
