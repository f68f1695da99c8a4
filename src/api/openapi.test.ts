import assert from 'node:assert/strict';
import { test } from 'node:test';
import { endpoints } from './endpoints.ts';
import { renderOpenApi } from './openapi.ts';

const document = renderOpenApi();

function* everyObject(value: unknown): Generator<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return;
  yield value as Record<string, unknown>;
  for (const inner of Object.values(value)) yield* everyObject(inner);
}

test('every row of the table is an operation, and nothing else is', () => {
  const ids = Object.values(document.paths).flatMap((methods) => Object.values(methods).map(({ operationId }) => operationId));
  assert.deepEqual(ids.toSorted(), Object.keys(endpoints).toSorted());
});

test('every reference leads to something', () => {
  let count = 0;
  for (const { $ref } of everyObject(document)) {
    if (typeof $ref !== 'string') continue;
    count++;
    const target = $ref
      .replace(/^#\//, '')
      .split('/')
      .reduce<unknown>((value, step) => (value as Record<string, unknown> | undefined)?.[step], document);
    assert.ok(target, $ref);
  }
  assert.ok(count > 50);
});

test('every parameter of a path is declared', () => {
  for (const [path, methods] of Object.entries(document.paths)) {
    const names = [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]);
    for (const { parameters = [] } of Object.values(methods)) {
      assert.deepEqual(
        parameters.filter((parameter) => parameter.in === 'path').map(({ name }) => name),
        names,
      );
    }
  }
});

test('every object is closed: a field that nobody knows is refused', () => {
  const open = [...everyObject(document.components.schemas)].filter(
    (schema) => schema['type'] === 'object' && schema['properties'] && schema['additionalProperties'] !== false,
  );
  assert.deepEqual(
    open.filter((schema) => schema !== document.components.schemas['Problem']),
    [],
  );
});

test('a body that may be left out is not required', () => {
  assert.equal(document.paths['/v1/guests/{guest}/start']?.['post']?.requestBody?.required, false);
  assert.equal(document.paths['/v1/site']?.['put']?.requestBody?.required, true);
});
