import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { siteSchema } from '../../model/site.ts';
import { describeIssues } from './issue-words.ts';

function said(schema: z.ZodType, input: unknown): string[] {
  const result = schema.safeParse(input);
  assert.equal(result.success, false);
  return describeIssues('body', result.error?.issues ?? [], input);
}

test('the place, what is expected and what is there are said', () => {
  const schema = z.strictObject({
    cpus: z.int().min(1),
    name: z.string().max(3),
    power: z.enum(['on', 'off']),
    list: z.array(z.strictObject({ a: z.boolean() })),
    gone: z.string(),
  });
  assert.deepEqual(said(schema, { cpus: 0, name: 'long', power: 'onn', list: [{ a: 1, b: 2 }], 'x\ny': 1 }), [
    'body.cpus: at least 1 is expected',
    'body.name: at most 3 characters is expected',
    'body.power: “onn” is not one of on, off',
    'body.list[0].a: true or false is expected, not 1',
    'body.list[0]: there is no field “b”',
    'body.gone: a text is missing',
    'body: there is no field “x\\ny”',
  ]);
});

test('the field of a union’s nearest branch is named', () => {
  const schema = z.strictObject({
    source: z.union([z.strictObject({ file: z.string() }), z.strictObject({ url: z.string(), sha256: z.string() })]),
  });
  assert.deepEqual(said(schema, { source: { url: 'x' } }), ['body.source.sha256: a text is missing']);
});

test('a name that cannot be one and an address that is none have the words of the model', () => {
  const site = {
    version: 1,
    site: 'lab',
    timezone: 'UTC',
    zones: { 'My Zone': { subnets: ['10.0.0.0/33'] } },
    flows: [],
    images: {},
    guests: {},
  };
  const words = said(siteSchema, site).join('\n');
  assert.match(words, /body\.zones\.My Zone: “My Zone” cannot be a name here/);
});

test('a thousand problems are not all said', () => {
  const words = said(
    z.array(z.string()),
    Array.from({ length: 1000 }, () => 1),
  );
  assert.equal(words.length, 21);
  assert.equal(words.at(-1), 'and 980 more');
});
