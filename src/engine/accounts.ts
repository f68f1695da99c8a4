// Users, sessions, API tokens and used words of the provider in the store, one object a row, mirrored in memory: every request asks who it is from. The one
// place that knows their keys. The store is the truth: what is taken back is taken back there first, and then at once here.
import { z } from 'zod';
import { harmlessLine } from '../lib/harmless.ts';
import type { Log } from '../lib/log.ts';
import { type ProviderRecord, providerRecordSchema } from '../model/identity-provider.ts';
import { type SessionRecord, sessionRecordSchema } from '../model/session.ts';
import { type TokenRecord, tokenRecordSchema } from '../model/token.ts';
import { type UserRecord, userRecordSchema } from '../model/user.ts';
import type { Store, Write } from '../store/store.ts';

const setUpKey = 'set-up';
const providerKey = 'identity-provider';
const usedLogoutPrefix = 'used-logout/';
/** Rows that a transaction takes, with room for others beside them. */
const mostAtOnce = 50;

/** The link by which the first administrator is made. */
const setUpSchema = z.strictObject({ digest: z.string(), endsAt: z.int() });
export type SetUpRecord = z.output<typeof setUpSchema>;

const usedLogoutSchema = z.strictObject({ until: z.int() });

/** A word of the provider that is used up. */
interface UsedLogout {
  digest: string;
  until: number;
  /** By digest: words that need not be known any more. */
  forgotten: readonly string[];
}

export class Accounts {
  readonly #store: Store;
  readonly #log: Log;
  readonly #listeners = new Set<() => void>();
  readonly users = new Map<string, UserRecord>();
  /** By the digest of its secret. */
  readonly sessions = new Map<string, SessionRecord>();
  /** By name. */
  readonly tokens = new Map<string, TokenRecord>();
  readonly tokensByDigest = new Map<string, TokenRecord>();
  /** Until when each word of the provider that was used would be believed else, by its digest; the first to be over comes first. */
  readonly usedLogouts = new Map<string, number>();
  #setUp: SetUpRecord | undefined;
  #setUpWasMade = false;
  #provider: ProviderRecord | undefined;

  private constructor(store: Store, log: Log) {
    this.#store = store;
    this.#log = log;
  }

  /** A row that cannot be read is nobody: it is told, left as it is, and lets nobody in. */
  static async open(store: Store, log: Log): Promise<Accounts> {
    const accounts = new Accounts(store, log);
    for (const prefix of ['user/', 'session/', 'token/']) {
      const { rows } = await store.list(prefix);
      for (const row of rows) accounts.#take(row.key, row.value);
    }
    for (const [digest, until] of (await accounts.#readUsedLogouts()).toSorted(([, a], [, b]) => a - b))
      accounts.usedLogouts.set(digest, until);
    const setUp = await store.get(setUpKey);
    if (setUp) {
      accounts.#setUpWasMade = true;
      const record = setUpSchema.safeParse(setUp.value);
      if (record.success) accounts.#setUp = record.data;
    }
    const provider = await store.get(providerKey);
    if (provider) accounts.#takeProvider(provider.value);
    return accounts;
  }

  /** By whom people may sign in too. */
  get provider(): ProviderRecord | undefined {
    return this.#provider;
  }

  async putProvider(record: ProviderRecord): Promise<void> {
    await this.#store.put(providerKey, record, { expected: 'any' });
    this.#provider = record;
  }

  /** Nobody has roles by it any more, nor a session that it began; who was linked to it stays so, should it come again. */
  async deleteProvider(): Promise<void> {
    await this.#store.delete(providerKey, { expected: 'any' });
    this.#provider = undefined;
    for (const { providerRoles: _, ...user } of [...this.users.values()].filter(({ providerRoles }) => providerRoles))
      await this.putUser(user);
    await this.endSessions([...this.sessions].filter(([, { provider }]) => provider).map(([digest]) => digest));
  }

  get setUp(): SetUpRecord | undefined {
    return this.#setUp;
  }

  /** Whether there has ever been a set-up link. */
  get setUpWasMade(): boolean {
    return this.#setUpWasMade;
  }

  /** Called after everything by which somebody may have lost something. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  tell(): void {
    for (const listener of this.#listeners) listener();
  }

  async putUser(record: UserRecord, options: { isNew?: boolean; ending?: readonly string[] } = {}): Promise<void> {
    if (options.isNew) await this.#deleteLeftOf(record.name);
    await this.#store.transaction({
      writes: [{ key: `user/${record.name}`, expected: options.isNew ? 'absent' : 'any', value: record }, ...endings(options.ending ?? [])],
    });
    this.users.set(record.name, record);
    this.#forgetSessions(options.ending ?? []);
    this.tell();
  }

  /** The first user, together with the end of the link that made it. */
  async putFirstUser(record: UserRecord): Promise<void> {
    await this.#deleteLeftOf(record.name);
    await this.#store.transaction({
      writes: [
        { key: `user/${record.name}`, expected: 'absent', value: record },
        { key: setUpKey, expected: 'any', value: { digest: '', endsAt: 0 } },
      ],
    });
    this.users.set(record.name, record);
    this.#setUp = { digest: '', endsAt: 0 };
    this.tell();
  }

  async deleteUser(name: string): Promise<void> {
    // The user goes first: without them neither their sessions nor their tokens count.
    await this.#store.delete(`user/${name}`, { expected: 'any' });
    this.users.delete(name);
    this.tell();
    await this.#deleteLeftOf(name);
  }

  /** Also when a daemon died in the middle of that: whoever gets the name next must not inherit anything. */
  async #deleteLeftOf(name: string): Promise<void> {
    const tokens = [...this.tokens.values()].filter(({ owner }) => owner === name).map((token) => token.name);
    for (const token of tokens) await this.deleteToken(token);
    await this.endSessions(this.sessionsOf(name).map(([digest]) => digest));
  }

  sessionsOf(user: string): [string, SessionRecord][] {
    return [...this.sessions].filter(([, session]) => session.user === user);
  }

  async putSession(digest: string, record: SessionRecord): Promise<void> {
    await this.#store.put(`session/${digest}`, record, { expected: 'any' });
    this.sessions.set(digest, record);
  }

  /** It was used: nothing that anybody waits for, or that must survive a power cut. */
  touchSession(digest: string, usedAt: number): void {
    const record = this.sessions.get(digest);
    if (!record) return;
    const touched = { ...record, usedAt };
    this.sessions.set(digest, touched);
    this.#writeLater(`session/${digest}`, touched);
  }

  async endSessions(digests: readonly string[]): Promise<void> {
    await this.#endSessions(digests, []);
  }

  /** By a word of the provider, which is used up together with the last of them: one whose work was cut short counts again. */
  async endSessionsOnce(digests: readonly string[], { digest, until, forgotten }: UsedLogout): Promise<void> {
    const old = forgotten.slice(0, mostAtOnce - 1);
    await this.#endSessions(digests, [{ key: usedLogoutPrefix + digest, expected: 'any', value: { until } }, ...forgetting(old)]);
    this.usedLogouts.set(digest, until);
    for (const each of old) this.usedLogouts.delete(each);
  }

  /** Words that would not be believed any more either way. */
  async forgetUsedLogouts(digests: readonly string[]): Promise<void> {
    for (let at = 0; at < digests.length; at += mostAtOnce) {
      const some = digests.slice(at, at + mostAtOnce);
      await this.#store.transaction({ writes: forgetting(some), durability: 'relaxed' });
      for (const digest of some) this.usedLogouts.delete(digest);
    }
  }

  async #endSessions(digests: readonly string[], withTheLast: readonly Write[]): Promise<void> {
    const present = digests.filter((digest) => this.sessions.has(digest));
    for (let at = 0; at === 0 || at < present.length; at += mostAtOnce) {
      const isLast = at + mostAtOnce >= present.length;
      const writes = [...endings(present.slice(at, at + mostAtOnce)), ...(isLast ? withTheLast : [])];
      if (writes.length > 0) await this.#store.transaction({ writes });
    }
    this.#forgetSessions(present);
    if (present.length > 0) this.tell();
  }

  async putToken(record: TokenRecord): Promise<void> {
    await this.#store.put(`token/${record.name}`, record, { expected: 'absent' });
    this.#takeToken(record);
  }

  /** One that is there. */
  async changeToken(record: TokenRecord): Promise<void> {
    await this.#store.put(`token/${record.name}`, record, { expected: 'any' });
    this.#takeToken(record);
    this.tell();
  }

  touchToken(name: string, usedAt: number): void {
    const record = this.tokens.get(name);
    if (!record) return;
    const touched = { ...record, usedAt };
    this.#takeToken(touched);
    this.#writeLater(`token/${name}`, touched);
  }

  async deleteToken(name: string): Promise<void> {
    const record = this.tokens.get(name);
    await this.#store.delete(`token/${name}`, { expected: 'any' });
    this.tokens.delete(name);
    if (record) this.tokensByDigest.delete(record.digest);
    this.tell();
  }

  async putSetUp(record: SetUpRecord): Promise<void> {
    await this.#store.put(setUpKey, record, { expected: 'any' });
    this.#setUp = record;
    this.#setUpWasMade = true;
  }

  #writeLater(key: string, value: unknown): void {
    // Only where it is still there: what was taken back in the meantime must not come again.
    this.#store
      .get(key)
      .then((row) => (row ? this.#store.put(key, value, { expected: row.revision, durability: 'relaxed' }) : undefined))
      .catch((error: unknown) => this.#log.debug('when something was used last could not be written', { key: key.slice(0, 20), error }));
  }

  #forgetSessions(digests: readonly string[]): void {
    for (const digest of digests) this.sessions.delete(digest);
  }

  #take(key: string, value: unknown): void {
    const [kind, name = ''] = key.split('/');
    const unreadable = () => this.#log.error('an account in the store cannot be read: it counts for nobody', { key: harmlessLine(key) });
    if (kind === 'user') {
      const record = userRecordSchema.safeParse(value);
      if (record.success && record.data.name === name) this.users.set(name, record.data);
      else unreadable();
    } else if (kind === 'session') {
      const record = sessionRecordSchema.safeParse(value);
      if (record.success) this.sessions.set(name, record.data);
      else unreadable();
    } else {
      const record = tokenRecordSchema.safeParse(value);
      if (record.success && record.data.name === name) this.#takeToken(record.data);
      else unreadable();
    }
  }

  async #readUsedLogouts(): Promise<[string, number][]> {
    const { rows } = await this.#store.list(usedLogoutPrefix);
    return rows.flatMap(({ key, value }): [string, number][] => {
      const record = usedLogoutSchema.safeParse(value);
      if (record.success) return [[key.slice(usedLogoutPrefix.length), record.data.until]];
      this.#log.error('what the provider said once cannot be read in the store: said again it may count again', { key: harmlessLine(key) });
      return [];
    });
  }

  #takeProvider(value: unknown): void {
    const record = providerRecordSchema.safeParse(value);
    if (record.success) this.#provider = record.data;
    else this.#log.error('the provider of identities in the store cannot be read: nobody signs in by it', {});
  }

  #takeToken(record: TokenRecord): void {
    this.tokens.set(record.name, record);
    this.tokensByDigest.set(record.digest, record);
  }
}

function endings(digests: readonly string[]): Write[] {
  return digests.map((digest) => ({ key: `session/${digest}`, expected: 'any', delete: true }));
}

function forgetting(digests: readonly string[]): Write[] {
  return digests.map((digest) => ({ key: usedLogoutPrefix + digest, expected: 'any', delete: true }));
}
