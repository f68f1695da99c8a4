// What QEMU says about its own protocol, cut down to what the project uses and kept in the tree, so that types can be
// generated without QEMU. One snapshot for each supported version; the types promise what all of them have.
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** A type without names: QEMU masks them, so a tree is all there is. */
export type Shape =
  | 'string'
  | 'int'
  | 'number'
  | 'bool'
  | 'null'
  | 'any'
  | { enum: string[] }
  | { array: Shape }
  | { object: Record<string, { optional?: true; type: Shape }> };

export interface QmpSnapshot {
  commands: Record<string, { arguments: Shape; result: Shape }>;
  events: Record<string, Shape>;
}

/**
 * The one list of what the project uses; `result` and the lists of events name the members that it reads. Arguments that QEMU itself
 * describes only in part (`device_add`), or by a third of its schema (`blockdev-add`), are `any`.
 */
export interface Used {
  commands: Record<string, { arguments?: 'any'; result?: string[] }>;
  events: Record<string, string[]>;
}

export interface SchemaEntry {
  name: string;
  'meta-type': 'command' | 'event' | 'object' | 'enum' | 'array' | 'builtin' | 'alternate';
  'arg-type'?: string;
  'ret-type'?: string;
  'element-type'?: string;
  'json-type'?: string;
  members?: { name: string; type: string; default?: null }[];
  values?: string[];
  variants?: unknown[];
}

const folder = join(import.meta.dirname, '../src/drivers/qemu/schema');

export async function readUsed(): Promise<Used> {
  return JSON.parse(await readFile(join(folder, 'used.json'), 'utf8')) as Used;
}

export async function readSnapshots(): Promise<Map<string, QmpSnapshot>> {
  const names = (await readdir(folder)).filter((name) => /^qemu-[\d.]+\.json$/.test(name)).toSorted();
  const entries = names.map(
    async (name) => [name.slice(5, -5), JSON.parse(await readFile(join(folder, name), 'utf8')) as QmpSnapshot] as const,
  );
  return new Map(await Promise.all(entries));
}

export function snapshotPath(version: string): string {
  return join(folder, `qemu-${version}.json`);
}

/** Cuts the answer of `query-qmp-schema` down to what is used. Throws when QEMU lacks something of it. */
export function trimSchema(schema: readonly SchemaEntry[], used: Used): QmpSnapshot {
  const byName = new Map(schema.map((entry) => [entry.name, entry]));
  const find = (name: string | undefined): SchemaEntry => {
    const entry = byName.get(name ?? '');
    if (!entry) throw new Error(`this QEMU has no ${name}`);
    return entry;
  };
  const shapeOf = (name: string | undefined, only?: readonly string[]): Shape => {
    const entry = find(name);
    switch (entry['meta-type']) {
      case 'builtin':
        return builtinShape(entry['json-type']);
      case 'enum':
        return { enum: (entry.values ?? []).toSorted() };
      case 'array':
        return { array: shapeOf(entry['element-type'], only) };
      case 'object': {
        if (entry.variants && !only) throw new Error('a union is used whole: name the members that are needed');
        const members = (entry.members ?? []).filter((member) => !only || only.includes(member.name));
        for (const wanted of only ?? []) {
          if (!members.some((member) => member.name === wanted)) throw new Error(`this QEMU has no member ${wanted}`);
        }
        return {
          object: Object.fromEntries(
            members.map((member) => [
              member.name,
              { ...('default' in member ? { optional: true as const } : {}), type: shapeOf(member.type) },
            ]),
          ),
        };
      }
      default:
        throw new Error(`a type of kind ${entry['meta-type']} cannot be used yet`);
    }
  };
  return {
    commands: Object.fromEntries(
      Object.entries(used.commands).map(([name, { arguments: args, result }]) => {
        const entry = find(name);
        return [name, { arguments: args ?? shapeOf(entry['arg-type']), result: shapeOf(entry['ret-type'], result) }];
      }),
    ),
    events: Object.fromEntries(Object.entries(used.events).map(([name, members]) => [name, shapeOf(find(name)['arg-type'], members)])),
  };
}

function builtinShape(type: string | undefined): Shape {
  switch (type) {
    case 'string':
    case 'int':
    case 'number':
    case 'null':
      return type;
    case 'boolean':
      return 'bool';
    default:
      return 'any';
  }
}

/**
 * What every version has: members missing from one are left out, members optional in one are optional. An enumeration
 * takes the values of all, since any of them may be met.
 */
export function mergeShapes(a: Shape, b: Shape): Shape {
  if (typeof a === 'string' || typeof b === 'string') return a === b ? a : 'any';
  if ('enum' in a && 'enum' in b) return { enum: [...new Set([...a.enum, ...b.enum])].toSorted() };
  if ('array' in a && 'array' in b) return { array: mergeShapes(a.array, b.array) };
  if (!('object' in a) || !('object' in b)) return 'any';
  const members: Record<string, { optional?: true; type: Shape }> = {};
  for (const [name, member] of Object.entries(a.object)) {
    const other = b.object[name];
    if (!other) continue;
    members[name] = {
      ...(member.optional || other.optional ? { optional: true as const } : {}),
      type: mergeShapes(member.type, other.type),
    };
  }
  return { object: members };
}

export function mergeSnapshots(a: QmpSnapshot, b: QmpSnapshot): QmpSnapshot {
  const commands = Object.entries(a.commands).map(([name, command]) => {
    const other = b.commands[name];
    if (!other) throw new Error(`command ${name} is not in every snapshot: refresh them all`);
    return [
      name,
      { arguments: mergeShapes(command.arguments, other.arguments), result: mergeShapes(command.result, other.result) },
    ] as const;
  });
  const events = Object.entries(a.events).map(([name, shape]) => {
    const other = b.events[name];
    if (!other) throw new Error(`event ${name} is not in every snapshot: refresh them all`);
    return [name, mergeShapes(shape, other)] as const;
  });
  return { commands: Object.fromEntries(commands), events: Object.fromEntries(events) };
}
