// Who did something, as one says it: `user:anna` is anna.
import { useWords } from '../words/use-words.ts';
import type { Words } from '../words/words.ts';

/** Nothing for what happened by itself. */
export function actorName(actor: string, words: Words): string {
  const [kind, ...rest] = actor.split(':');
  const name = rest.join(':');
  switch (kind) {
    case 'user':
      return name;
    case 'token':
      return name === '' ? words.tokenOfTheHost : words.byToken(name);
    case 'local':
      return words.ofTheHost;
    case 'anonymous':
      return words.nobodyKnown;
    case 'system':
      return '';
    default:
      return actor;
  }
}

export function Actor({ actor }: { actor: string | undefined }) {
  const { words } = useWords();
  return actor === undefined ? null : <span title={actor}>{actorName(actor, words)}</span>;
}
