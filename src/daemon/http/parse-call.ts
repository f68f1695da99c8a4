// A request against its row of the table, once: what passes has the types of the row, what does not is refused naming the field.
import type { z } from 'zod';
import type { Endpoint } from '../../api/endpoint.ts';
import { CaissonError } from '../../lib/errors.ts';
import { describeIssues } from './issue-words.ts';

export interface RawRequest {
  params: unknown;
  query: unknown;
  body: unknown;
}

/** Params, query and body as the row's schemas give them. Throws `invalid` naming every wrong field. */
export function parseCall(endpoint: Endpoint, raw: RawRequest): RawRequest {
  const problems: string[] = [];
  const parse = (part: 'path' | 'query' | 'body', schema: z.ZodType | undefined, input: unknown): unknown => {
    if (!schema) {
      if (part === 'body' ? input !== undefined : hasFields(input)) problems.push(`${part}: nothing is expected here`);
      return undefined;
    }
    const result = schema.safeParse(input);
    if (result.success) return result.data;
    problems.push(...describeIssues(part, result.error.issues, input));
    return undefined;
  };
  const call = {
    params: parse('path', endpoint.params, raw.params),
    query: parse('query', endpoint.query, raw.query),
    body: parse('body', endpoint.body, raw.body),
  };
  if (problems.length > 0) throw new CaissonError('invalid', problems.join('; '), { details: { problems } });
  return call;
}

function hasFields(input: unknown): boolean {
  return typeof input === 'object' && input !== null && Object.keys(input).length > 0;
}
