// The site file: to be read, taken along, and changed with the difference shown first.
import type { Site } from '../../model/site.ts';
import { site } from '../live/resources.ts';
import { useResource } from '../live/use-live.ts';
import { readSite, writeSite } from '../site-text.ts';
import { Command, Loaded, Problem } from '../ui/parts.tsx';
import { useWords } from '../words/use-words.ts';
import { SiteEditor } from './site-editor.tsx';

const first = `version: 1
site: lab
timezone: UTC
zones:
  internal: { subnets: [10.20.0.0/16] }
flows: []
guests:
  web:
    image: debian-12
    zone: internal
    memory: 512MiB
    disks: { root: 8GiB }
`;

export function SitePage() {
  const { words } = useWords();
  const entry = useResource(site);
  // Before the first apply there is nothing in it: then one begins with an example.
  if (entry.value && hasNothing(entry.value.site))
    return (
      <div class="page">
        <h1>{words.pages.site}</h1>
        <p>{words.noSiteYetHelp}</p>
        <p class="quiet">{words.firstSiteFile}</p>
        <SiteEditor text={first} label={words.pages.site} read={readSite} />
        <Command text="caisson apply site.yaml" />
      </div>
    );
  if (entry.error && !entry.value) return <Problem error={entry.error} />;
  return (
    <div class="page">
      <Loaded entry={entry}>
        {(value) => {
          const text = writeSite(value.site);
          return (
            <>
              <header class="page-head">
                <h1 class="grow">{words.pages.site}</h1>
                <span class="quiet">{words.revision(value.revision)}</span>
                <a
                  class="button"
                  download={`${value.site.site}.yaml`}
                  href={`data:application/yaml;charset=utf-8,${encodeURIComponent(text)}`}
                >
                  {words.download}
                </a>
              </header>
              <p class="quiet">{words.siteFileMeans}</p>
              <SiteEditor text={text} label={words.pages.site} read={readSite} />
              <Command text="caisson site export > site.yaml" />
            </>
          );
        }}
      </Loaded>
    </div>
  );
}

function hasNothing({ zones, guests, images, flows }: Site): boolean {
  return [zones, guests, images, flows].every((part) => Object.keys(part).length === 0);
}
