// The part of the site file that is one guest: to be changed, or written for a new one.
import { site } from '../live/resources.ts';
import { useResource } from '../live/use-live.ts';
import { hrefOf } from '../route.ts';
import { guestTemplate, readGuest, writeGuest } from '../site-text.ts';
import { Loaded } from '../ui/parts.tsx';
import { go } from '../use-route.ts';
import { useWords } from '../words/use-words.ts';
import { SiteEditor } from './site-editor.tsx';

export function GuestFile({ name }: { name: string }) {
  const { words } = useWords();
  const entry = useResource(site);
  return (
    <Loaded entry={entry}>
      {({ site: known }) => (
        <>
          <p class="quiet">{words.guestFileMeans}</p>
          <SiteEditor key={name} text={writeGuest(known, name)} label={words.tabs.file} read={(text) => readGuest(known, text, name)} />
        </>
      )}
    </Loaded>
  );
}

export function NewGuestPage() {
  const { words } = useWords();
  const entry = useResource(site);
  return (
    <div class="page">
      <h1>{words.newGuest}</h1>
      <p class="quiet">{words.newGuestMeans}</p>
      <Loaded entry={entry}>
        {({ site: known }) => (
          <SiteEditor
            text={guestTemplate(known)}
            label={words.newGuest}
            read={(text) => readGuest(known, text, undefined)}
            onApplied={(made) => {
              const name = Object.keys(made.guests).find((each) => !Object.hasOwn(known.guests, each));
              if (name !== undefined) go(hrefOf('guests', [name]));
            }}
          />
        )}
      </Loaded>
    </div>
  );
}
