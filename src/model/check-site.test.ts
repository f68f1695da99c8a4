import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { siteArbitrary } from '../../test/site-arbitrary.ts';
import { checkSite } from './check-site.ts';
import type { SiteSketch } from './site-sketch.ts';
import { findCircles } from './dependency-circles.ts';

test('a circle of guests is found once, from its first guest, however long', () => {
  const chain = (names: string[]) => new Map(names.map((name, index) => [name, [names[(index + 1) % names.length] as string]]));
  assert.deepEqual(findCircles(chain(['a', 'b', 'c'])), [['a', 'b', 'c']]);
  assert.deepEqual(
    findCircles(
      new Map([
        ['a', ['a']],
        ['b', ['gone']],
        ['c', ['b']],
      ]),
    ),
    [['a']],
  );
  const long = Array.from({ length: 100_000 }, (_, index) => `g${index}`);
  assert.equal(findCircles(chain(long))[0]?.length, 100_000);
  assert.deepEqual(findCircles(new Map(long.map((name, index) => [name, index === 0 ? [] : [`g${index - 1}`]]))), []);
});

test('a circle is found exactly when there is no order', () => {
  const graph = fc.array(fc.array(fc.nat({ max: 7 }), { maxLength: 3 }), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(graph, (edges) => {
      const after = new Map(edges.map((to, index) => [`g${index}`, to.map((on) => `g${on}`)]));
      const circles = findCircles(after);
      for (const circle of circles) {
        for (const [index, name] of circle.entries()) assert.ok(after.get(name)?.includes(circle[(index + 1) % circle.length] as string));
      }
      // From every guest walk as far as one can: who comes back to where he began is in a circle.
      const reaches = (from: string, goal: string, seen = new Set<string>()): boolean =>
        (after.get(from) ?? []).some(
          (next) => after.has(next) && (next === goal || (!seen.has(next) && reaches(next, goal, seen.add(next)))),
        );
      assert.equal(
        circles.length > 0,
        [...after.keys()].some((name) => reaches(name, name)),
      );
    }),
    { seed: 4, numRuns: 300 },
  );
});

test('what is not known of a sound site makes nothing else wrong', () => {
  fc.assert(
    fc.property(siteArbitrary({ minGuests: 1 }), fc.nat(), (site, choice) => {
      const sketch = structuredClone(site) as unknown as Record<string, unknown>;
      // Every value that can be unknown, by the path to it.
      const paths: string[][] = [];
      const collect = (value: unknown, path: string[]): void => {
        if (path.length > 0) paths.push(path);
        if (typeof value === 'object' && value !== null && path.length < 4)
          for (const [key, inner] of Object.entries(value)) collect(inner, [...path, key]);
      };
      for (const key of ['zones', 'guests', 'flows', 'images']) collect(sketch[key], [key]);
      const path = paths[choice % paths.length] as string[];
      const holder = path.slice(0, -1).reduce<Record<string, unknown>>((value, key) => value[key] as Record<string, unknown>, sketch);
      holder[path.at(-1) as string] = null;
      assert.deepEqual(checkSite(sketch as unknown as SiteSketch), []);
    }),
    { seed: 6, numRuns: 200 },
  );
});
