// Which rows of the endpoint table a path belongs to: for what the router does not do (websockets, “method not allowed”).
import { endpoints, type EndpointId } from '../../api/endpoints.ts';
import type { Endpoint } from '../../api/endpoint.ts';

export interface PathMatch {
  id: EndpointId;
  endpoint: Endpoint;
  params: Record<string, string>;
}

/** Every row with this path, whatever its method; rows without a parameter first. */
export function matchPath(pathname: string): PathMatch[] {
  const steps = pathname.split('/');
  const matches: PathMatch[] = [];
  for (const [id, endpoint] of Object.entries(endpoints) as [EndpointId, Endpoint][]) {
    const params = paramsOf(endpoint.path.split('/'), steps);
    if (params) matches.push({ id, endpoint, params });
  }
  return matches.toSorted((a, b) => Object.keys(a.params).length - Object.keys(b.params).length);
}

function paramsOf(pattern: readonly string[], steps: readonly string[]): Record<string, string> | undefined {
  if (pattern.length !== steps.length) return undefined;
  const params: Record<string, string> = {};
  for (const [index, want] of pattern.entries()) {
    const step = steps[index] ?? '';
    if (!want.startsWith(':')) {
      if (want !== step) return undefined;
      continue;
    }
    const value = decode(step);
    if (value === undefined || value === '') return undefined;
    params[want.slice(1)] = value;
  }
  return params;
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
