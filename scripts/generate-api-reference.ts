// Generates the reference of the API from the endpoint table: docs/reference/openapi.json for programs, api.md for people.
import { renderOpenApi } from '../src/api/openapi.ts';
import { renderApiReference } from '../src/api/reference.ts';

export function generate(): Promise<Record<string, string>> {
  const document = renderOpenApi();
  return Promise.resolve({
    'docs/reference/openapi.json': `${JSON.stringify(document, null, 2)}\n`,
    'docs/reference/api.md': renderApiReference(document),
  });
}
