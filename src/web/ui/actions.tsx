// The actions of a guest as buttons: those that are legal now, and no others.
import { useState } from 'preact/hooks';
import type { Client } from '../../api/client.ts';
import type { Guest } from '../../model/guest-status.ts';
import type { Job } from '../../model/job.ts';
import { actionsFor, useMe } from '../live/me.ts';
import { guestCommand } from '../view/command.ts';
import { useWords } from '../words/use-words.ts';
import { ConfirmDialog } from './dialog.tsx';
import { useAct } from './notices.tsx';
import { Command } from './parts.tsx';

export const powerActions = ['start', 'shutdown', 'reboot', 'pause', 'resume', 'stop', 'delete'] as const;
export type PowerAction = (typeof powerActions)[number];

export function callAction(client: Client, action: PowerAction, guest: string, deleteDisks = false): Promise<Job> {
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
    case 'delete':
      return client.call('guestDelete', { params, query: { deleteDisks: String(deleteDisks) } });
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
          onConfirm={(deleteDisks) => {
            setAsked(undefined);
            void act((client) => callAction(client, asked, guest.uid, deleteDisks)).then((done) => {
              if (done && asked === 'delete') onDeleted?.();
            });
          }}
        />
      )}
    </div>
  );
}

export function ConfirmGuestAction(props: {
  action: 'stop' | 'delete';
  guest: Pick<Guest, 'name' | 'status'>;
  onConfirm: (deleteDisks: boolean) => void;
  onClose: () => void;
}) {
  const { action, guest } = props;
  const { words } = useWords();
  const [deleteDisks, setDeleteDisks] = useState(false);
  const disks = guest.status.disks.map(({ name }) => name).join(', ');
  return (
    <ConfirmDialog
      title={`${words.actions[action]}: ${guest.name}`}
      lost={action === 'stop' ? words.lostByStop : deleteDisks ? words.lostWithDisks(disks) : words.lostByDelete(disks)}
      name={guest.name}
      action={words.actions[action]}
      command={guestCommand(action, guest.name, ...(deleteDisks ? ['--delete-disks'] : []))}
      onClose={props.onClose}
      onConfirm={() => props.onConfirm(deleteDisks)}
    >
      {action === 'delete' && (
        <label class="check">
          <input type="checkbox" checked={deleteDisks} onChange={(event) => setDeleteDisks(event.currentTarget.checked)} />
          {words.deleteDisks}
        </label>
      )}
    </ConfirmDialog>
  );
}
