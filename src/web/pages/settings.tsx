// One’s own account: password, second factor, where one is signed in, tokens for programs.
import { useMe } from '../live/me.ts';
import { Empty, Facts, Time } from '../ui/parts.tsx';
import { useWords } from '../words/use-words.ts';
import { useBindingText } from './roles.tsx';
import { Link } from './settings-link.tsx';
import { Password } from './settings-password.tsx';
import { SecondFactor } from './settings-second-factor.tsx';
import { Tokens } from './settings-tokens.tsx';
import { UserSessions } from './user-sessions.tsx';

export function SettingsPage() {
  const { words } = useWords();
  const me = useMe();
  const bindingText = useBindingText();
  return (
    <div class="page">
      <h1>{words.pages.settings}</h1>
      <Facts
        items={[
          [
            words.signedInAs,
            me.fullName === undefined
              ? (me.user ?? (me.actor === 'token' ? words.tokenOfTheHost : me.actor))
              : `${me.fullName} (${me.user})`,
          ],
          [words.roles, me.bindings.length === 0 ? me.site.join(', ') : me.bindings.map(bindingText).join(' · ')],
          me.session && [words.sessionEnds, <Time at={me.session.endsAt} />],
        ]}
      />
      {me.user === undefined ? (
        <Empty title={words.noAccount}>
          <p>{words.noAccountHelp}</p>
        </Empty>
      ) : (
        <div class="columns">
          <div>
            <Password user={me.user} />
            <Tokens />
          </div>
          <div>
            <SecondFactor user={me.user} />
            <Link user={me.user} />
            <UserSessions user={me.user} />
          </div>
        </div>
      )}
    </div>
  );
}
