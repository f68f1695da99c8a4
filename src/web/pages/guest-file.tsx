// The part of the site file that is one guest: to be changed, or written for a new one.
import { site } from '../live/resources.ts';
import { useResource } from '../live/use-live.ts';
import { hrefOf } from '../route.ts';
import { guestTemplate, readGuest, writeGuest } from '../site-text.ts';
import { Loaded, NoZones } from '../ui/parts.tsx';
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
          <SiteEditor
            key={name}
            text={writeGuest(known, name)}
            label={words.tabs.file}
            read={(text, now = known) => readGuest(now, text, name)}
          />
        </>
      )}
    </Loaded>
  );
}

export function NewGuestPage() {
  const { words } = useWords();
  const entry = useResource(site);
  if (entry.value && Object.keys(entry.value.site.zones).length === 0)
    return (
      <div class="page">
        <h1>{words.newGuest}</h1>
        <NoZones />
      </div>
    );
  return (
    <div class="page">
      <h1>{words.newGuest}</h1>
      <p class="quiet">{words.newGuestMeans}</p>
      <Loaded entry={entry}>
        {({ site: known }) => (
          <SiteEditor
            text={guestTemplate(known)}
            label={words.newGuest}
            read={(text, now = known) => readGuest(now, text, undefined)}
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
