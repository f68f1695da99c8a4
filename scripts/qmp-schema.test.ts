import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mergeShapes, mergeSnapshots, readSnapshots, readUsed, type SchemaEntry, trimSchema } from './qmp-schema.ts';

const schema: SchemaEntry[] = [
  { name: 'str', 'meta-type': 'builtin', 'json-type': 'string' },
  { name: '0', 'meta-type': 'object', members: [] },
  { name: '1', 'meta-type': 'enum', values: ['b', 'a'] },
  {
    name: '2',
    'meta-type': 'object',
    members: [
      { name: 'name', type: 'str' },
      { name: 'kind', type: '1', default: null },
    ],
  },
  { name: '[2]', 'meta-type': 'array', 'element-type': '2' },
  { name: 'query-things', 'meta-type': 'command', 'arg-type': '0', 'ret-type': '[2]' },
  { name: 'THING', 'meta-type': 'event', 'arg-type': '2' },
];

test('the schema is cut down to the members that are used', () => {
  assert.deepEqual(trimSchema(schema, { commands: { 'query-things': { result: ['name'] } }, events: { THING: ['kind'] } }), {
    commands: { 'query-things': { arguments: { object: {} }, result: { array: { object: { name: { type: 'string' } } } } } },
    events: { THING: { object: { kind: { optional: true, type: { enum: ['a', 'b'] } } } } },
  });
});

test('what QEMU does not have is an error', () => {
  assert.throws(() => trimSchema(schema, { commands: { quit: {} }, events: {} }), /no quit/);
  assert.throws(() => trimSchema(schema, { commands: {}, events: { THING: ['colour'] } }), /no member colour/);
});

test('two versions promise what both have, and any value of an enumeration', () => {
  assert.deepEqual(
    mergeShapes(
      { object: { a: { type: 'int' }, b: { type: { enum: ['x'] } }, gone: { type: 'bool' } } },
      { object: { a: { optional: true, type: 'int' }, b: { type: { enum: ['y', 'x'] } } } },
    ),
    { object: { a: { optional: true, type: 'int' }, b: { type: { enum: ['x', 'y'] } } } },
  );
});

test('every snapshot holds all that is used, and nothing else', async () => {
  const used = await readUsed();
  const snapshots = await readSnapshots();
  assert.ok(snapshots.size >= 2);
  for (const [version, snapshot] of snapshots) {
    assert.deepEqual(Object.keys(snapshot.commands).toSorted(), Object.keys(used.commands).toSorted(), version);
    assert.deepEqual(Object.keys(snapshot.events).toSorted(), Object.keys(used.events).toSorted(), version);
  }
  assert.ok([...snapshots.values()].reduce((a, b) => mergeSnapshots(a, b)));
});
