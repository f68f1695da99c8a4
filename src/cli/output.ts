// What a command prints: JSON, YAML, or text for people. Data goes to standard output, everything else to standard error.
import type { Io } from './io.ts';
import { painter } from './style.ts';
import { type Column, type Field, renderFields, renderTable } from './table.ts';

export const formats = ['table', 'json', 'yaml'] as const;
export type Format = (typeof formats)[number];

/** A value as JSON or YAML; `compact`: one of many, as a line of JSON or a document of YAML. */
export async function renderValue(value: unknown, format: Exclude<Format, 'table'>, compact = false): Promise<string> {
  if (format === 'json') return `${compact ? JSON.stringify(value) : JSON.stringify(value, null, 2)}\n`;
  const { stringify } = await import('yaml'); // only for those who want it: loading it takes a while
  return `${compact ? '---\n' : ''}${stringify(value, { aliasDuplicateObjects: false })}`;
}

export function tableFor<T>({ stdout, env }: Io, items: readonly T[], columns: readonly Column<T>[]): string {
  return renderTable(items, columns, { width: stdout.columns, paint: painter(stdout, env) });
}

export function fieldsFor({ stdout, env }: Io, fields: readonly Field[]): string {
  return renderFields(fields, painter(stdout, env));
}
