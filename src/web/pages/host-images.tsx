// What guests’ disks are made from: which images there are, whether they are on this host, and who uses them.
import { useState } from 'preact/hooks';
import type { ImageView } from '../../model/image-view.ts';
import { useMe } from '../live/me.ts';
import { images } from '../live/resources.ts';
import { useResource } from '../live/use-live.ts';
import { hrefOf } from '../route.ts';
import { ConfirmDialog } from '../ui/dialog.tsx';
import { useAct } from '../ui/notices.tsx';
import { Command, Loaded, Section } from '../ui/parts.tsx';
import { Table } from '../ui/table.tsx';
import { shellCommand } from '../view/command.ts';
import { useWords } from '../words/use-words.ts';

/** Of the guests that use it, so many are named. */
const mostNamed = 4;

export function Images() {
  const { words } = useWords();
  const entry = useResource(images);
  const act = useAct();
  const mayChange = useMe().site.includes('configure');
  const [asked, setAsked] = useState<ImageView>();
  return (
    <Section title={words.images}>
      <p class="quiet">{words.imagesMean}</p>
      <Loaded entry={entry}>
        {({ items }) => (
          <Table
            label={words.images}
            columns={[
              { name: words.name },
              { name: words.comesFrom, kind: 'on-desk' },
              { name: words.size, kind: 'number' },
              { name: words.usedBy },
              mayChange && { name: words.action, kind: 'unnamed' },
            ]}
          >
            {items.map((image) => (
              <ImageRow
                key={image.name}
                image={image}
                mayChange={mayChange}
                onBuild={() => void act((client) => client.call('imageBuild', { params: { name: image.name }, body: {} }))}
                onDelete={() => setAsked(image)}
              />
            ))}
          </Table>
        )}
      </Loaded>
      <Command text="caisson image list" />
      {asked && (
        <ConfirmDialog
          title={words.actionOn(words.actions.delete, asked.name)}
          lost={asked.builtIn ? words.lostWithBuiltInImage : words.lostWithImage}
          name={asked.name}
          action={words.actions.delete}
          command={shellCommand(['caisson', 'image', 'delete', asked.name])}
          onClose={() => setAsked(undefined)}
          onConfirm={() => {
            setAsked(undefined);
            void act((client) => client.call('imageDelete', { params: { name: asked.name } }));
          }}
        />
      )}
    </Section>
  );
}

function ImageRow({
  image,
  mayChange,
  onBuild,
  onDelete,
}: {
  image: ImageView;
  mayChange: boolean;
  onBuild: () => void;
  onDelete: () => void;
}) {
  const { words, format } = useWords();
  const { name, source, builtIn, present, sizeBytes, guests } = image;
  return (
    <tr>
      <td>{name}</td>
      <td class="on-desk">{builtIn ? words.builtIn : words.imageSources[source]}</td>
      <td class="number">{sizeBytes === undefined ? <span class="quiet">{words.notHere}</span> : format.bytes(sizeBytes)}</td>
      <td>
        {guests.length === 0 && <span class="quiet">{words.nobodyUsesIt}</span>}
        {guests.slice(0, mostNamed).map((guest, index) => (
          <span key={guest}>
            {index > 0 && ', '}
            <a href={hrefOf('guests', [guest])}>{guest}</a>
          </span>
        ))}
        {guests.length > mostNamed && <span class="quiet"> {words.andMore(guests.length - mostNamed)}</span>}
      </td>
      {mayChange && (
        <td>
          {!present && (
            <button type="button" class="link" aria-label={words.actionOn(words.buildImage, name)} onClick={onBuild}>
              {words.buildImage}
            </button>
          )}
          {guests.length === 0 && (present || !builtIn) && (
            <button type="button" class="link" aria-label={words.actionOn(words.actions.delete, name)} onClick={onDelete}>
              {words.actions.delete}
            </button>
          )}
        </td>
      )}
    </tr>
  );
}
