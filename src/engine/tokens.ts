// API tokens: for programs. The secret is shown once and kept as its digest. A token that a user made counts only as long as the user does, and for
// nothing that the user may not do, at each request anew.
import type { Clock } from '../lib/clock.ts';
import { CaissonError } from '../lib/errors.ts';
import { newSecret, digestOf } from '../lib/secret.ts';
import { accountNameSchema } from '../model/account-name.ts';
import type { Caller } from '../model/caller.ts';
import { quote } from '../model/quote.ts';
import { mostTokenDays, type Token, type TokenRecord, usualTokenDays, viewToken } from '../model/token.ts';
import { bindingsOf, type WantedBinding } from '../model/user.ts';
import type { Accounts } from './accounts.ts';
import type { Events } from './events.ts';
import type { Users } from './users.ts';

export const tokenPrefix = 'caisson_token_';
const dayMs = 86_400_000;
const touchMs = 60_000;
const mostTokens = 1000;

export interface NewToken {
  name: string;
  /** Default: those of the user; of the host's administrator there must be some. */
  bindings?: readonly WantedBinding[] | undefined;
  days?: number | undefined;
}

export class Tokens {
  readonly #with: { accounts: Accounts; clock: Clock; events: Events; users: Users };

  constructor(dependencies: { accounts: Accounts; clock: Clock; events: Events; users: Users }) {
    this.#with = dependencies;
  }

  list(): Token[] {
    const { accounts, clock } = this.#with;
    return [...accounts.tokens.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1)).map((token) => viewToken(token, clock.now()));
  }

  /** A token cannot make another: it would outlive its own end. */
  async create({ name, bindings, days = usualTokenDays }: NewToken, by: Caller): Promise<{ token: Token; secret: string }> {
    const { accounts, clock, events, users } = this.#with;
    if (by.token !== undefined) throw new CaissonError('forbidden', 'a token cannot make tokens: sign in');
    const parsed = accountNameSchema.safeParse(name);
    if (!parsed.success) throw new CaissonError('invalid', `${quote(name)} cannot be a token’s name: ${parsed.error.issues[0]?.message}`);
    if (accounts.tokens.has(name)) throw new CaissonError('conflict', `a token is called ${quote(name)} already`);
    if (accounts.tokens.size >= mostTokens)
      throw new CaissonError('invalid', `there are ${mostTokens} tokens already: delete those that are not needed`);
    if (bindings === undefined && by.user === undefined) throw new CaissonError('invalid', 'say what the token may: a role, and on what');
    if (!Number.isInteger(days) || days < 1 || days > mostTokenDays)
      throw new CaissonError('invalid', `a token lives 1 to ${mostTokenDays} days, not ${days}`);
    const { secret, digest } = newSecret(tokenPrefix);
    const now = clock.now();
    const record: TokenRecord = {
      name,
      digest,
      ...(by.user === undefined ? {} : { owner: by.user }),
      bindings: bindings === undefined ? users.withZones(by.rights[0] ?? []) : users.resolve(bindings),
      createdAt: now,
      endsAt: now + days * dayMs,
    };
    await accounts.putToken(record);
    events.emit({ kind: 'token-created', message: `token ${name} was made, for ${days} days`, object: `token/${name}`, actor: by.actor });
    return { token: viewToken(record, now), secret };
  }

  async delete(name: string, by: Caller): Promise<Token> {
    const { accounts, clock, events } = this.#with;
    const record = accounts.tokens.get(name);
    if (!record) throw new CaissonError('not-found', `no token is called ${quote(name)}; “caisson token list” shows all`);
    await accounts.deleteToken(name);
    events.emit({ kind: 'token-deleted', message: `token ${name} was deleted`, object: `token/${name}`, actor: by.actor });
    return viewToken(record, clock.now());
  }

  ownerOf(name: string): string | undefined {
    return this.#with.accounts.tokens.get(name)?.owner;
  }

  identify(secret: string): Caller | undefined {
    const { accounts, clock } = this.#with;
    const record = accounts.tokensByDigest.get(digestOf(secret));
    const caller = record && this.callerOf(record.name);
    if (caller && clock.now() - (record.usedAt ?? 0) >= touchMs) accounts.touchToken(record.name, clock.now());
    return caller;
  }

  /** The caller of a token that counts now. */
  callerOf(name: string): Caller | undefined {
    const { accounts, clock } = this.#with;
    const record = accounts.tokens.get(name);
    if (!record || record.endsAt <= clock.now()) return undefined;
    if (record.owner === undefined) return { actor: `token:${name}`, rights: [record.bindings], token: name };
    const owner = accounts.users.get(record.owner);
    return owner?.enabled
      ? { actor: `token:${name}`, rights: [record.bindings, bindingsOf(owner, clock.now())], user: owner.name, token: name }
      : undefined;
  }
}
