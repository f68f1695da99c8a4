// A command line that waits to be signed in: who it is, and whether that is you. Whatever it says of itself is text.
import { useEffect, useId, useState } from 'preact/hooks';
import { type CaissonError, toCaissonError } from '../../lib/errors.ts';
import type { CommandDecision, CommandSignIn } from '../../model/command-sign-in.ts';
import { useMe } from '../live/me.ts';
import { useLive } from '../live/use-live.ts';
import { hrefOf } from '../route.ts';
import { Empty, Facts, Mark, Problem, Time, Waiting } from '../ui/parts.tsx';
import { go } from '../use-route.ts';
import { useWords } from '../words/use-words.ts';

export function CommandPage({ code }: { code: string | undefined }) {
  const { words } = useWords();
  const { user } = useMe();
  return (
    <div class="page">
      <h1>{words.pages.command}</h1>
      {user === undefined ? (
        <Empty title={words.noAccount}>
          <p>{words.commandNeedsUser}</p>
        </Empty>
      ) : code === undefined ? (
        <TypeCode />
      ) : (
        <Decide code={code} user={user} />
      )}
    </div>
  );
}

function TypeCode() {
  const { words } = useWords();
  const [code, setCode] = useState('');
  const id = useId();
  return (
    <form
      class="section"
      onSubmit={(event) => {
        event.preventDefault();
        go(hrefOf('command', [code.trim()]));
      }}
    >
      <p>{words.commandCodeMeans}</p>
      <label for={id}>{words.commandCode}</label>
      <input
        id={id}
        required
        maxLength={40}
        autofocus
        autocomplete="off"
        autocapitalize="characters"
        spellcheck={false}
        value={code}
        onInput={(event) => setCode(event.currentTarget.value)}
      />
      <div class="buttons">
        <button type="submit" class="primary">
          {words.goOn}
        </button>
      </div>
    </form>
  );
}

function Decide({ code, user }: { code: string; user: string }) {
  const { words } = useWords();
  const { client } = useLive();
  const [asked, setAsked] = useState<CommandSignIn>();
  const [decided, setDecided] = useState<CommandDecision>();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<CaissonError>();
  const fail = (cause: unknown) => setError(toCaissonError(cause));
  useEffect(() => {
    client.call('loginCommandShow', { query: { code } }).then(setAsked, fail);
  }, [code]);
  const decide = (decision: CommandDecision) => {
    setBusy(true);
    client
      .call('loginCommandDecide', { body: { code, decision } })
      .then(() => setDecided(decision), fail)
      .finally(() => setBusy(false));
  };
  if (error) return <Problem error={error} />;
  if (decided !== undefined) return <p role="status">{decided === 'approve' ? words.commandSignedIn : words.commandRefused}</p>;
  if (!asked) return <Waiting />;
  return (
    <section class="section">
      <h2>{words.signInCommand(asked.host, asked.code)}</h2>
      <Facts
        items={[
          [words.commandCode, <strong class="number">{asked.code}</strong>],
          [words.callsItself, asked.host],
          [
            words.askedFrom,
            <>
              {asked.address}{' '}
              {!asked.isFromHere && (
                <span>
                  <Mark tone="amber" /> {words.fromElsewhere}
                </span>
              )}
            </>,
          ],
          [words.askedAt, <Time at={asked.askedAt} />],
        ]}
      />
      <p>{words.signInCommandMeans(user)}</p>
      <div class="buttons">
        <button type="button" class="primary" disabled={busy} onClick={() => decide('approve')}>
          {words.approve}
        </button>
        <button type="button" disabled={busy} onClick={() => decide('refuse')}>
          {words.refuse}
        </button>
      </div>
    </section>
  );
}
