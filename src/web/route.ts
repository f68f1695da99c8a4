// Where the page is, in the fragment of the address: `#/guests/web/console`. The daemon never sees it, and serves one document for all.

export const pages = ['overview', 'guests', 'zones', 'jobs', 'events', 'audit', 'log', 'accounts', 'host', 'site', 'settings'] as const;
export type ListedPage = (typeof pages)[number];
/** Come to by an address that was given to somebody, and listed nowhere. */
const unlisted = ['command'] as const;
export type PageName = ListedPage | (typeof unlisted)[number];

export interface Route {
  page: PageName;
  /** What follows: the guest’s name, its tab. */
  rest: string[];
  query: URLSearchParams;
}

export function parseRoute(hash: string): Route {
  const [path = '', search = ''] = hash.replace(/^#\/?/, '').split('?', 2);
  const [first = '', ...rest] = path.split('/').filter(Boolean).map(decode);
  const page = [...pages, ...unlisted].find((name) => name === first) ?? 'overview';
  return { page, rest, query: new URLSearchParams(search) };
}

export function hrefOf(page: PageName, rest: readonly string[] = [], query: Record<string, string> = {}): string {
  const path = [page === 'overview' && rest.length === 0 ? '' : page, ...rest.map(encodeURIComponent)].join('/');
  const search = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== '')).toString();
  return `#/${path}${search === '' ? '' : `?${search}`}`;
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
