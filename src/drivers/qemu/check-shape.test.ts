import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkShape, type Shape } from './check-shape.ts';

const shape: Shape = {
  required: { status: 'string', list: { array: { required: { size: 'int' }, optional: {} } } },
  optional: { on: 'bool' },
};

test('a value of the shape passes, with more members than known too', () => {
  assert.equal(checkShape(shape, { status: 'x', list: [{ size: 1, more: 2 }], on: true, extra: null }), undefined);
  assert.equal(checkShape(shape, { status: 'x', list: [] }), undefined);
});

test('a value of another shape is told where it differs', () => {
  assert.equal(checkShape(shape, { list: [] }), '.status is not a string');
  assert.equal(checkShape(shape, { status: 'x', list: [{ size: 1 }, { size: '2' }] }), '.list[1].size is not a int');
  assert.equal(checkShape(shape, { status: 'x', list: [], on: 1 }), '.on is not a bool');
  assert.equal(checkShape(shape, null), ' is not an object');
  assert.equal(checkShape(shape, []), ' is not an object');
  assert.equal(checkShape({ array: 'number' }, {}), ' is not an array');
  assert.equal(checkShape('int', 2 ** 60), ' is not a int');
});
