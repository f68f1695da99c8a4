// A body as browsers send forms, as an object; a field twice is refused, since what another program has read of it would be a guess. Pure.
import { CaissonError } from './errors.ts';

/** Throws `invalid`. */
export function parseForm(text: string): Record<string, string> {
  const fields = [...new URLSearchParams(text)];
  const names = fields.map(([name]) => name);
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  if (twice !== undefined) throw new CaissonError('invalid', 'the body has a field twice');
  return Object.fromEntries(fields);
}
