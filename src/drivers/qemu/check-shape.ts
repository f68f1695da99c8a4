// Checks a value from outside (QEMU, which a guest may have taken over) against a generated shape. Pure.

import { never } from '../../lib/errors.ts';

type Leaf = 'string' | 'int' | 'number' | 'bool' | 'null' | 'any';

export type Shape = Leaf | { array: Shape } | { required: Members; optional: Members };

type Members = Record<string, Shape>;

/** Where `value` differs from `shape`, e.g. `.status is not a string`; undefined when it does not. More members are fine. */
export function checkShape(shape: Shape, value: unknown): string | undefined {
  if (typeof shape === 'string') return matches(shape, value) ? undefined : ` is not a ${shape}`;
  if ('array' in shape) {
    if (!Array.isArray(value)) return ' is not an array';
    for (const [index, item] of value.entries()) {
      const wrong = checkShape(shape.array, item);
      if (wrong) return `[${index}]${wrong}`;
    }
    return undefined;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return ' is not an object';
  const members = value as Record<string, unknown>;
  for (const [name, member] of Object.entries(shape.required)) {
    const wrong = checkShape(member, members[name]);
    if (wrong) return `.${name}${wrong}`;
  }
  for (const [name, member] of Object.entries(shape.optional)) {
    if (members[name] === undefined) continue;
    const wrong = checkShape(member, members[name]);
    if (wrong) return `.${name}${wrong}`;
  }
  return undefined;
}

function matches(shape: Leaf, value: unknown): boolean {
  switch (shape) {
    case 'any':
      return value !== undefined;
    case 'bool':
      return typeof value === 'boolean';
    case 'null':
      return value === null;
    case 'int':
      return Number.isSafeInteger(value);
    case 'number':
      return typeof value === 'number';
    case 'string':
      return typeof value === 'string';
    default:
      return never(shape);
  }
}
