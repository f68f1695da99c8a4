// The actions of a guest as buttons: those that are legal now, and no others.
import { useEffect, useState } from 'preact/hooks';
import type { Client } from '../../api/client.ts';
import type { Guest } from '../../model/guest-status.ts';
import type { Job } from '../../model/job.ts';
import type { PartChange } from '../../model/part-change.ts';
import { actionsFor, useMe } from '../live/me.ts';
import { useLive } from '../live/use-live.ts';
import { guestCommand } from '../view/command.ts';
import { useWords } from '../words/use-words.ts';
import { ConfirmDialog } from './dialog.tsx';
import { useAct } from './notices.tsx';
import { Command, Mark } from './parts.tsx';

export const powerActions = ['start', 'shutdown', 'reboot', 'pause', 'resume', 'stop', 'delete'] as const;
export type PowerAction = (typeof powerActions)[number];

export function callAction(client: Client, action: Exclude<PowerAction, 'delete'>, guest: string): Promise<Job> {
  const params = { guest };
  switch (action) {
    case 'start':
      return client.call('guestStart', { params });
    case 'shutdown':
      return client.call('guestShutdown', { params });
    case 'reboot':
      return client.call('guestReboot', { params });
    case 'pause':
      return client.call('guestPause', { params });
    case 'resume':
      return client.call('guestResume', { params });
    case 'stop':
      return client.call('guestStop', { params });
  }
}

/** Something is lost by it. */
export function isDestructive(action: PowerAction): action is 'stop' | 'delete' {
  return action === 'stop' || action === 'delete';
}

export function GuestActions({ guest, onDeleted }: { guest: Guest; onDeleted?: () => void }) {
  const { words } = useWords();
  const act = useAct();
  const [asked, setAsked] = useState<'stop' | 'delete'>();
  const [shown, setShown] = useState(false);
  const allowed = actionsFor(useMe(), guest);
  const legal = powerActions.filter((action) => allowed.includes(action));
  return (
    <div class="actions" hidden={legal.length === 0}>
      <div class="buttons">
        {legal.map((action) => (
          <button
            key={action}
            type="button"
            class={isDestructive(action) ? 'danger' : ''}
            onClick={() => (isDestructive(action) ? setAsked(action) : void act((client) => callAction(client, action, guest.uid)))}
          >
            {words.actions[action]}
          </button>
        ))}
        <button type="button" class="link" aria-expanded={shown} onClick={() => setShown(!shown)}>
          {words.asCommands}
        </button>
      </div>
      {shown && (
        <ul class="commands">
          {legal.map((action) => (
            <li key={action}>
              <Command text={guestCommand(action, guest.name)} />
            </li>
          ))}
        </ul>
      )}
      {asked && (
        <ConfirmGuestAction
          action={asked}
          guest={guest}
          onClose={() => setAsked(undefined)}
          onDone={() => {
            if (asked === 'delete') onDeleted?.();
          }}
        />
      )}
    </div>
  );
}

/** Asks, and does it. What is deleted is shown as it is when it is asked; when somebody changes it meanwhile, nothing is deleted, and it is asked anew. */
export function ConfirmGuestAction(props: {
  action: 'stop' | 'delete';
  guest: Pick<Guest, 'uid' | 'name' | 'status'>;
  onClose: () => void;
  onDone?: () => void;
}) {
  const { action, guest } = props;
  const { words } = useWords();
  const act = useAct();
  const { client } = useLive();
  const [deleteDisks, setDeleteDisks] = useState(false);
  const [seen, setSeen] = useState<{ value: Pick<Guest, 'name' | 'status'>; tag: string | undefined }>();
  const [stale, setStale] = useState<PartChange[]>();
  const look = () =>
    client.see('guestShow', { params: { guest: guest.uid } }).then(setSeen, () => setSeen({ value: guest, tag: undefined }));
  useEffect(() => {
    if (action === 'delete') void look();
  }, [action, guest.uid]);
  const { name, status } = seen?.value ?? guest;
  const disks = status.disks.map((disk) => disk.name).join(', ');
  return (
    <ConfirmDialog
      title={words.actionOn(words.actions[action], name)}
      lost={action === 'stop' ? words.lostByStop : deleteDisks ? words.lostWithDisks(disks) : words.lostByDelete(disks)}
      name={name}
      action={words.actions[action]}
      command={guestCommand(action, name, ...(deleteDisks ? ['--delete-disks'] : []))}
      onClose={props.onClose}
      onConfirm={() => {
        const call = (to: Client) =>
          action === 'stop'
            ? callAction(to, action, guest.uid)
            : to.call('guestDelete', { params: { guest: guest.uid }, query: { deleteDisks: String(deleteDisks) } }, { seen: seen?.tag });
        void act(call, {
          onBegun: props.onClose,
          onStale: (changes) => {
            setStale(changes);
            void look();
          },
        }).then((done) => {
          if (done) props.onDone?.();
        });
      }}
    >
      {stale && (
        <p class="tone-amber" role="alert">
          <Mark tone="amber" /> {words.changedSince(stale)}
        </p>
      )}
      {action === 'delete' && (
        <label class="check">
          <input type="checkbox" checked={deleteDisks} onChange={(event) => setDeleteDisks(event.currentTarget.checked)} />
          {words.deleteDisks}
        </label>
      )}
    </ConfirmDialog>
  );
}
