// Small hand-written checks for what comes over the channel: whatever is not exactly as described is refused. Pure.
// Written here because nothing from npm may run as root.
import { CaissonError } from '../lib/errors.ts';

/** Gives `value` back as a T, or throws `invalid` naming the place `at` and what was expected there. */
export type Check<T> = (value: unknown, at: string) => T;

export function refuse(at: string, expected: string, value: unknown): never {
  const shown = typeof value === 'string' ? JSON.stringify(value.slice(0, 80)) : Array.isArray(value) ? 'a list' : typeof value;
  throw new CaissonError('invalid', `${at}: expected ${expected}, got ${typeof value === 'number' ? value : shown}`);
}

/** An object with exactly these fields; a check made by `optional` may be absent. */
export function object<T extends Record<string, Check<unknown>>>(fields: T): Check<Checked<T>> {
  return (value, at) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) refuse(at, 'an object', value);
    const given = value as Record<string, unknown>;
    for (const name of Object.keys(given)) if (!Object.hasOwn(fields, name)) refuse(`${at}.${name}`, 'no such field', given[name]);
    const checked: Record<string, unknown> = {};
    for (const [name, check] of Object.entries(fields)) {
      const result = check(Object.hasOwn(given, name) ? given[name] : undefined, `${at}.${name}`);
      if (result !== undefined) checked[name] = result;
    }
    return checked as Checked<T>;
  };
}

type OptionalKeys<T> = { [K in keyof T]: T[K] extends Check<infer V> ? (undefined extends V ? K : never) : never }[keyof T];
type Value<C> = C extends Check<infer V> ? V : never;
export type Checked<T> = { [K in Exclude<keyof T, OptionalKeys<T>>]: Value<T[K]> } & {
  [K in OptionalKeys<T>]?: Exclude<Value<T[K]>, undefined>;
};

export function optional<T>(check: Check<T>): Check<T | undefined> {
  return (value, at) => (value === undefined ? undefined : check(value, at));
}

/** A whole number from `least` to `most`. */
export function whole(least: number, most: number): Check<number> {
  return (value, at) =>
    typeof value === 'number' && Number.isSafeInteger(value) && value >= least && value <= most
      ? value
      : refuse(at, `a whole number from ${least} to ${most}`, value);
}

/** A number, whole or not, from `least` to `most`. */
export function between(least: number, most: number): Check<number> {
  return (value, at) =>
    typeof value === 'number' && value >= least && value <= most ? value : refuse(at, `a number from ${least} to ${most}`, value);
}

/** A text that matches the whole of `pattern`, which says itself how long it may be. */
export function text(pattern: RegExp, expected: string): Check<string> {
  return (value, at) => (typeof value === 'string' && pattern.test(value) ? value : refuse(at, expected, value));
}

export function oneOf<const T extends string>(...allowed: T[]): Check<T> {
  return (value, at) => (allowed.includes(value as T) ? (value as T) : refuse(at, allowed.join(' or '), value));
}

export const flag: Check<boolean> = (value, at) => (typeof value === 'boolean' ? value : refuse(at, 'true or false', value));

/** A list of at most `most`. */
export function list<T>(check: Check<T>, most: number): Check<T[]> {
  return (value, at) => {
    if (!Array.isArray(value) || value.length > most) refuse(at, `a list of at most ${most}`, value);
    return Array.from(value as unknown[], (one, index) => check(one, `${at}[${index}]`));
  };
}
