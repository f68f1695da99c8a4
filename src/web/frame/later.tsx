// A part of the page whose program is loaded when it is come to.
import type { ComponentType } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { CaissonError } from '../../lib/errors.ts';
import { Problem, Waiting } from '../ui/parts.tsx';

export function Later<P extends object>({ load, props }: { load: () => Promise<ComponentType<P>>; props: P }) {
  const [found, setFound] = useState<{ Component: ComponentType<P> }>();
  const [failed, setFailed] = useState<CaissonError>();
  useEffect(() => {
    load().then(
      (Component) => setFound({ Component }),
      (cause: unknown) =>
        setFailed(
          new CaissonError('unavailable', 'this part of the page could not be loaded: reload the page, the daemon may have a newer one', {
            cause,
          }),
        ),
    );
  }, []);
  if (failed) return <Problem error={failed} />;
  return found ? <found.Component {...props} /> : <Waiting />;
}
