import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parse } from 'yaml';
import { siteDocument } from '../src/model/site-document.ts';
import { parseSiteFile } from '../src/model/site-file.ts';
import { siteArbitrary } from '../test/site-arbitrary.ts';
import { generate, type JsonSchema, siteFileJsonSchema } from './generate-site-schema.ts';

type Rule = JsonSchema & { propertyNames?: JsonSchema; minProperties?: number; maxProperties?: number; maxItems?: number };

/** What an editor would underline: as much of JSON Schema as the site file’s schema uses. */
function underlined(rule: Rule, value: unknown, path = 'site'): string[] {
  if (rule.anyOf) return rule.anyOf.some((option) => underlined(option, value, path).length === 0) ? [] : [`${path}: none of the kinds`];
  if (rule.const !== undefined && rule.const !== value) return [`${path}: not ${String(rule.const)}`];
  if (rule.enum && !rule.enum.includes(value)) return [`${path}: not one of ${rule.enum.join()}`];
  const kind = Array.isArray(value) ? 'array' : typeof value;
  if (rule.type && (rule.type === 'integer' ? !Number.isInteger(value) : rule.type !== kind))
    return [`${path}: ${kind} is no ${rule.type}`];
  if (typeof value === 'string') {
    const fits = (!rule.pattern || new RegExp(rule.pattern).test(value)) && value.length <= (rule.maxLength ?? Infinity);
    return fits ? [] : [`${path}: ${value} does not fit`];
  }
  if (typeof value === 'number')
    return value < (rule.minimum ?? -Infinity) || value > (rule.maximum ?? Infinity) ? [`${path}: out of range`] : [];
  if (Array.isArray(value)) return value.flatMap((item, index) => underlined(rule.items ?? {}, item, `${path}[${index}]`));
  if (typeof value !== 'object' || value === null) return [];
  const keys = Object.keys(value);
  const missing = (rule.required ?? []).filter((key) => !keys.includes(key));
  const count =
    keys.length < (rule.minProperties ?? 0) || keys.length > (rule.maxProperties ?? Infinity) ? [`${path}: ${keys.length} fields`] : [];
  return [
    ...count,
    ...missing.map((key) => `${path}: no ${key}`),
    ...Object.entries(value).flatMap(([key, inner]) => {
      const known = rule.properties?.[key];
      if (known) return underlined(known, inner, `${path}.${key}`);
      if (typeof rule.additionalProperties !== 'object') return [`${path}: ${key} is not known`];
      return [
        ...underlined(rule.propertyNames ?? {}, key, `${path}.${key}`),
        ...underlined(rule.additionalProperties, inner, `${path}.${key}`),
      ];
    }),
  ];
}

test('an editor accepts every sound site', () => {
  const schema = siteFileJsonSchema();
  fc.assert(
    fc.property(siteArbitrary(), (site) => assert.deepEqual(underlined(schema, siteDocument(site)), [])),
    { seed: 8, numRuns: 100 },
  );
});

test('an editor underlines what is misspelt or of a wrong kind', () => {
  const schema = siteFileJsonSchema();
  const wrong = [
    'site: My Lab',
    'guest: {}',
    'guests: { web: { memory: 512 } }',
    'guests: { web: { memory: 512MB } }',
    'flows: [{ from: a, to: b, allow: [80/tcp] }]',
    'images: { x: {} }',
  ];
  for (const line of wrong) assert.notDeepEqual(underlined(schema, { version: 1, site: 'lab', ...(parse(line) as object) }), [], line);
});

test('the example in the reference of the site file is a site', async () => {
  const text = (await generate())['docs/reference/site-file.md'] ?? '';
  const example = /```yaml\n([^]*?)```/.exec(text)?.[1] ?? '';
  const result = parseSiteFile(example, () => undefined);
  assert.ok('site' in result, JSON.stringify(result));
});
