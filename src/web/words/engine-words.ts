// What the engine says, in the reader’s language. The engine speaks English; what the table does not know stays as it was said, and is marked as English.
import { engineInFrench } from './engine-french.ts';
import { createTranslator, type Translator } from './read-back.ts';
import type { Language } from './words.ts';

export interface SaidText {
  text: string;
  language: Language;
}

const inFrench = createTranslator(engineInFrench, {
  names: new Set(['guest', 'zone', 'image', 'site', 'user', 'token', 'job', 'disk', 'name', 'power', 'action', 'percent']),
  sentences: new Set(['why', 'what', 'change']),
  others: (name, value) => (name === 'roles' ? rolesInFrench(value) : value),
  otherwise(text, translate) {
    // A readiness check and what it found: `TCP 3306: connection refused`.
    const check = /^((?:TCP|HTTP|DNS|guest agent|command)\b.*?): (.+)$/s.exec(text);
    return check ? `${check[1]} : ${translate(check[2] ?? '') ?? check[2]}` : withItsCause(text, translate);
  },
});

/** An error has its cause behind it, and that one its own. */
function withItsCause(text: string, translate: Translator): string | undefined {
  for (let at = text.lastIndexOf(': '); at > 0; at = text.lastIndexOf(': ', at - 1)) {
    const error = translate(text.slice(0, at));
    if (error !== undefined) return `${error} : ${translate(text.slice(at + 2)) ?? text.slice(at + 2)}`;
  }
  return undefined;
}

const roleNames: Record<string, string> = {
  viewer: 'lecteur',
  operator: 'opérateur',
  administrator: 'administrateur',
  auditor: 'auditeur',
};

const ofAccounts: Record<string, string> = {
  'no role': 'aucun rôle',
  enabled: 'activé',
  disabled: 'désactivé',
  'another full name': 'un autre nom complet',
};

/** `disabled; operator on zone:dmz, viewer on site`. */
function rolesInFrench(roles: string): string {
  const sayRole = (_: string, role: string, on: string, isGone: string | undefined) =>
    `${roleNames[role] ?? role} sur ${on}${isGone === undefined ? '' : ' (supprimé)'}`;
  return roles
    .split('; ')
    .map((part) => ofAccounts[part] ?? part.replaceAll(/(\w+) on ([^\s,]+)( \(deleted\))?/g, sayRole))
    .join(' ; ');
}

export function sayInWords(text: string, language: Language): SaidText {
  return sayBy(inFrench, text, language);
}

/** By a translator from English to the other language. */
export function sayBy(translate: Translator, text: string, language: Language): SaidText {
  if (language === 'en' || text === '') return { text, language };
  const said = translate(text);
  return said === undefined ? { text, language: 'en' } : { text: said, language };
}
