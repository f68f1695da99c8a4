// One’s own password.
import { useState } from 'preact/hooks';
import { useLive } from '../live/use-live.ts';
import { Problem, Section } from '../ui/parts.tsx';
import { PasswordField } from '../ui/password-field.tsx';
import { useSend } from '../ui/use-send.ts';
import { useWords } from '../words/use-words.ts';

export function Password({ user }: { user: string }) {
  const { words } = useWords();
  const { client } = useLive();
  const { error, send } = useSend();
  const [current, setCurrent] = useState('');
  const [wanted, setWanted] = useState('');
  const [done, setDone] = useState(false);
  return (
    <Section title={words.password}>
      <form
        class="stack"
        onSubmit={(event) => {
          event.preventDefault();
          send(async () => {
            await client.call('userPassword', { params: { user }, body: { password: wanted, currentPassword: current } });
            setCurrent('');
            setWanted('');
            setDone(true);
          });
        }}
      >
        <PasswordField label={words.currentPassword} value={current} onValue={setCurrent} />
        <PasswordField label={words.newPassword} isNew value={wanted} onValue={setWanted} />
        <p class="quiet">{words.passwordHint}</p>
        {error && <Problem error={error} />}
        {done && <p role="status">{words.passwordChanged}</p>}
        <div class="buttons">
          <button type="submit">{words.changePassword}</button>
        </div>
      </form>
    </Section>
  );
}
