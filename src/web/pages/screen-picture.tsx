// What the screen of a guest showed a moment ago, small. Drawn instead of linked to: its address needs to be asked with who we are.
import { useEffect, useRef, useState } from 'preact/hooks';
import { type CaissonError, toCaissonError } from '../../lib/errors.ts';
import { useLive } from '../live/use-live.ts';
import { hrefOf } from '../route.ts';
import { Said, Section, Time } from '../ui/parts.tsx';
import { useWords } from '../words/use-words.ts';

type Taken = { at: number } | { error: CaissonError };

export function ScreenPicture({ guest }: { guest: string }) {
  const { words } = useWords();
  const { client } = useLive();
  const canvas = useRef<HTMLCanvasElement>(null);
  const [taken, setTaken] = useState<Taken>();
  const [again, setAgain] = useState(0);
  useEffect(() => {
    const ending = new AbortController();
    const take = async () => {
      const png = await client.bytes('guestScreenshot', { params: { guest } }, { signal: ending.signal });
      const picture = await createImageBitmap(new Blob([png], { type: 'image/png' }));
      if (ending.signal.aborted || !canvas.current) return;
      canvas.current.width = picture.width;
      canvas.current.height = picture.height;
      canvas.current.getContext('2d')?.drawImage(picture, 0, 0);
      setTaken({ at: Date.now() });
    };
    take().catch((error: unknown) => {
      if (!ending.signal.aborted) setTaken({ error: toCaissonError(error) });
    });
    return () => ending.abort();
  }, [client, guest, again]);
  return (
    <Section
      title={words.screen}
      aside={
        <button type="button" class="link" onClick={() => setAgain(again + 1)}>
          {words.takeAgain}
        </button>
      }
    >
      <a class="picture" href={hrefOf('guests', [guest, 'screen'])} aria-label={words.screenOf(guest)}>
        <canvas ref={canvas} width={0} height={0} />
      </a>
      {taken && <p class="quiet">{'at' in taken ? <Time at={taken.at} /> : <Said>{taken.error.message}</Said>}</p>}
    </Section>
  );
}
