import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { layOut } from './treemap.ts';

const area = { x: 0, y: 0, width: 800, height: 200 };

test('areas are as the values, and together they fill the room without overlapping', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 10_000 }), { minLength: 1, maxLength: 60 }), (some) => {
      const values = some.toSorted((a, b) => b - a);
      const total = values.reduce((sum, value) => sum + value, 0);
      const boxes = layOut(values, area);
      assert.equal(boxes.length, values.length);
      for (const [index, box] of boxes.entries()) {
        const wanted = ((values[index] ?? 0) / total) * area.width * area.height;
        assert.ok(Math.abs(box.width * box.height - wanted) < 1e-6 * area.width * area.height);
        assert.ok(box.x >= -1e-6 && box.y >= -1e-6 && box.x + box.width <= area.width + 1e-6 && box.y + box.height <= area.height + 1e-6);
        for (const other of boxes.slice(0, index)) {
          const wide = Math.min(box.x + box.width, other.x + other.width) - Math.max(box.x, other.x);
          const high = Math.min(box.y + box.height, other.y + other.height) - Math.max(box.y, other.y);
          assert.ok(wide < 1e-6 || high < 1e-6, 'two overlap');
        }
      }
    }),
  );
});

test('equal values are nearly square', () => {
  for (const { width, height } of layOut([1, 1, 1, 1, 1, 1, 1, 1], area)) assert.ok(Math.max(width / height, height / width) <= 2.01);
});
