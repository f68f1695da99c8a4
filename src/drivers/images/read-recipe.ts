// The builder's edge: the recipe file that it is given, checked field by field, because its values become package names, paths
// and commands of a tree that runs as root in a guest.
import { readFile } from 'node:fs/promises';
import { CaissonError } from '../../lib/errors.ts';
import type { ImageRecipe } from '../../model/image-recipe.ts';

const suites = ['bookworm', 'trixie'] as const;
const packagePattern = /^[a-z0-9][a-z0-9+.-]{1,63}$/;
const modePattern = /^0?[0-7]{3,4}$/;
const fields = ['recipe', 'suite', 'packages', 'files', 'run', 'sizeMib'];

export async function readRecipe(path: string): Promise<ImageRecipe> {
  let value: unknown;
  try {
    value = JSON.parse(await readFile(path, 'utf8'));
  } catch (cause) {
    throw new CaissonError('invalid', `the recipe ${path} cannot be read as JSON`, { cause });
  }
  return parseRecipe(value);
}

/** Throws `invalid` naming the field; unknown fields are refused. */
export function parseRecipe(value: unknown): ImageRecipe {
  const input = object(value, 'the recipe');
  for (const key of Object.keys(input)) check(fields.includes(key), `recipe: unknown field "${key}"`);
  check(input['recipe'] === 'debian', 'recipe: "recipe" must be "debian"');
  const suite = suites.find((name) => name === input['suite']);
  if (!suite) throw new CaissonError('invalid', `recipe: "suite" must be one of ${suites.join(', ')}`);
  const packages = strings(input['packages'], 'packages');
  for (const name of packages) check(packagePattern.test(name), `recipe: "${name}" is not the name of a Debian package`);
  const files: ImageRecipe['files'] = {};
  for (const [path, file] of Object.entries(object(input['files'], 'files'))) files[path] = parseFile(path, file);
  const sizeMib = input['sizeMib'];
  if (typeof sizeMib !== 'number' || !Number.isInteger(sizeMib) || sizeMib < 512 || sizeMib > 4 * 1024 * 1024) {
    throw new CaissonError('invalid', 'recipe: "sizeMib" must be a whole number from 512 to 4194304');
  }
  return { recipe: 'debian', suite, packages: [...new Set(packages)].toSorted(), files, run: strings(input['run'], 'run'), sizeMib };
}

function parseFile(path: string, value: unknown): ImageRecipe['files'][string] {
  const parts = path.split('/');
  const plain = parts[0] === '' && parts.length > 1 && parts.slice(1).every((part) => part !== '' && part !== '.' && part !== '..');
  // eslint-disable-next-line no-control-regex
  check(plain && !/[\0-\x1f]/.test(path), `recipe: "${path}" must be an absolute path without . or ..`);
  const { text, base64, mode, ...others } = object(value, `files "${path}"`);
  for (const key of Object.keys(others)) check(false, `recipe: files "${path}": unknown field "${key}"`);
  if (typeof mode !== 'string' || !modePattern.test(mode))
    throw new CaissonError('invalid', `recipe: files "${path}": "mode" must be octal, e.g. 0644`);
  if (typeof text === 'string' && base64 === undefined) return { text, mode };
  if (typeof base64 === 'string' && text === undefined) return { base64, mode };
  throw new CaissonError('invalid', `recipe: files "${path}" must have exactly one of "text" and "base64"`);
}

function object(value: unknown, what: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new CaissonError('invalid', `recipe: ${what} must be an object`);
}

function strings(value: unknown, what: string): string[] {
  if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value;
  throw new CaissonError('invalid', `recipe: "${what}" must be a list of texts`);
}

function check(holds: boolean, message: string): void {
  if (!holds) throw new CaissonError('invalid', message);
}
