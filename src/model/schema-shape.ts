// The inside of a schema: which fields, entries and alternatives it has. For whoever walks a document along its schema.
import type { z } from 'zod';

export type Schema = z.ZodType;

interface Definition {
  type: string;
  shape?: Record<string, Schema>;
  keyType?: Schema;
  valueType?: Schema;
  element?: Schema;
  innerType?: Schema;
  in?: Schema;
  options?: Schema[];
  values?: unknown[];
  entries?: Record<string, unknown>;
}

export type SchemaShape =
  | { kind: 'fields'; fields: Record<string, Schema> }
  | { kind: 'entries'; key: Schema; value: Schema }
  | { kind: 'list'; element: Schema }
  | { kind: 'union'; options: Schema[] }
  | { kind: 'text' | 'number' | 'boolean' | 'other' };

const scalarKinds: Record<string, 'text' | 'number' | 'boolean'> = {
  string: 'text',
  enum: 'text',
  number: 'number',
  int: 'number',
  boolean: 'boolean',
};

/** What a schema takes, seen through what is optional, has a default, or is changed afterwards. */
export function shapeOf(schema: Schema): SchemaShape {
  const definition = schema.def as unknown as Definition;
  if (definition.innerType) return shapeOf(definition.innerType);
  if (definition.in) return shapeOf(definition.in);
  if (definition.shape) return { kind: 'fields', fields: definition.shape };
  if (definition.keyType && definition.valueType) return { kind: 'entries', key: definition.keyType, value: definition.valueType };
  if (definition.element) return { kind: 'list', element: definition.element };
  if (definition.options) return { kind: 'union', options: definition.options };
  if (definition.type === 'literal') {
    const type = typeof definition.values?.[0];
    return { kind: type === 'string' ? 'text' : type === 'number' ? 'number' : type === 'boolean' ? 'boolean' : 'other' };
  }
  return { kind: scalarKinds[definition.type] ?? 'other' };
}

/** Whether a schema takes this kind of value at all: a map, a list, a text, a number. */
export function takesKind(schema: Schema, value: unknown): boolean {
  const shape = shapeOf(schema);
  switch (shape.kind) {
    case 'fields':
    case 'entries':
      return typeof value === 'object' && value !== null && !Array.isArray(value);
    case 'list':
      return Array.isArray(value);
    case 'union':
      return shape.options.some((option) => takesKind(option, value));
    case 'text':
      return typeof value === 'string';
    case 'number':
      return typeof value === 'number';
    case 'boolean':
      return typeof value === 'boolean';
    case 'other':
      return true;
  }
}
