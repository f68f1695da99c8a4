// `ETag` and `If-Match`: who changes something says which version they have seen, and is refused when somebody else was faster, with what was
// changed meanwhile. Versions that were given out are remembered for a while, so that this can be said.
import type { IncomingMessage } from 'node:http';
import { type Endpoint, takesIfMatch } from '../../api/endpoint.ts';
import { changesBetween, type WishVersion } from '../../plan/wish-version.ts';
import { Refusal } from './refusal.ts';

/** What has a version. Throws `not-found`. */
export interface Versions {
  site(): WishVersion;
  guest(nameOrUid: string): WishVersion;
  zone(name: string): WishVersion;
  image(name: string): WishVersion;
  user(name: string): WishVersion;
}

const maxRemembered = 16;
const maxTold = 10;

export class Preconditions {
  readonly #versions: Versions;
  /** Given out, the newest last. */
  readonly #given = new Map<string, WishVersion>();

  constructor(versions: Versions) {
    this.#versions = versions;
  }

  /** For the header `ETag` of an answer. */
  tagFor({ versioned }: Endpoint, params: Readonly<Record<string, string>>): string | undefined {
    if (versioned === undefined) return undefined;
    const version = this.#versionOf(versioned, params);
    this.#given.delete(version.tag);
    this.#given.set(version.tag, version);
    for (const tag of this.#given.keys()) {
      if (this.#given.size <= maxRemembered) break;
      this.#given.delete(tag);
    }
    return `"${version.tag}"`;
  }

  /** Throws the refusal 412 when what is there is not what the request’s `If-Match` names. */
  check(request: IncomingMessage, endpoint: Endpoint, params: Readonly<Record<string, string>>): void {
    const wanted = request.headers['if-match'];
    if (wanted === undefined) return;
    const { versioned } = endpoint;
    if (versioned === undefined || !takesIfMatch(endpoint))
      throw new Refusal(400, 'the header If-Match is for what changes something that has an ETag: this does not');
    const now = this.#versionOf(versioned, params);
    if (wanted.trim() === '*') return;
    const tags = wanted.split(',').map((tag) => /^\s*"([^"]*)"\s*$/.exec(tag)?.[1]);
    if (tags.includes(undefined)) throw new Refusal(400, 'the header If-Match is * or an ETag as it was given, in double quotes');
    if (tags.includes(now.tag)) return;
    const seen = tags.map((tag) => this.#given.get(tag ?? '')).find((version) => version !== undefined);
    const changes = seen ? changesBetween(seen, now) : [];
    const told = changes.slice(0, maxTold);
    const more = changes.length > maxTold ? `, and ${changes.length - maxTold} more` : '';
    const what = changes.length > 0 ? `: ${told.map(({ part, change }) => `${part} was ${change}`).join(', ')}${more}` : '';
    throw new Refusal(
      412,
      `somebody else changed it since you have seen it${what}; nothing was changed now: look again, and decide anew`,
      { etag: `"${now.tag}"` },
      { stale: told },
    );
  }

  #versionOf(kind: NonNullable<Endpoint['versioned']>, params: Readonly<Record<string, string>>): WishVersion {
    switch (kind) {
      case 'site':
        return this.#versions.site();
      case 'guest':
        return this.#versions.guest(params['guest'] ?? '');
      case 'zone':
        return this.#versions.zone(params['name'] ?? '');
      case 'image':
        return this.#versions.image(params['name'] ?? '');
      case 'user':
        return this.#versions.user(params['user'] ?? '');
    }
  }
}
