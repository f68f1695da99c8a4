// Links that stand for a user. Whoever has one may do once what it is for, until it ends; a new one of the same kind ends the one before. They are kept
// as digests, so that neither a restart ends them nor a copy of the store opens anything.
import type { Clock } from '../lib/clock.ts';
import { CaissonError } from '../lib/errors.ts';
import { digestOf, newSecret } from '../lib/secret.ts';
import { type UserLinkKind, userLinkLivesMs, type UserLinkRecord, userLinkRecordSchema } from '../model/user-link.ts';
import type { Store } from '../store/store.ts';
import type { Users } from './users.ts';

const prefix = 'user-link/';
const secretPrefixes: Readonly<Record<UserLinkKind, string>> = { password: 'caisson_password_', 'sign-in': 'caisson_signin_' };

export interface UserLinksDependencies {
  store: Store;
  clock: Clock;
  users: Pick<Users, 'get'>;
}

export class UserLinks {
  readonly #with: UserLinksDependencies;

  constructor(dependencies: UserLinksDependencies) {
    this.#with = dependencies;
  }

  /** Throws `not-found`, and `not-allowed` for who may not sign in. */
  async make(name: string, kind: UserLinkKind): Promise<{ secret: string; endsAt: string }> {
    const { store, clock, users } = this.#with;
    const user = users.get(name);
    if (!user.enabled)
      throw new CaissonError('not-allowed', `user ${name} is disabled: “caisson user set ${name} --enable” lets them sign in again`);
    const now = clock.now();
    for (const row of (await store.list(prefix)).rows) {
      const known = userLinkRecordSchema.safeParse(row.value);
      if (!known.success || known.data.endsAt <= now || (known.data.user === name && known.data.kind === kind))
        await store.delete(row.key, { expected: 'any' });
    }
    const { secret, digest } = newSecret(secretPrefixes[kind]);
    const record: UserLinkRecord = { kind, user: name, userCreatedAt: user.createdAt, endsAt: now + userLinkLivesMs[kind] };
    await store.put(prefix + digest, record, { expected: 'absent' });
    return { secret, endsAt: new Date(record.endsAt).toISOString() };
  }

  /**
   * Uses it up, after `check` has found nothing wrong with what is to be done, and returns whom it stands for. One of two at the same time succeeds.
   * Throws `unauthorized` for one that was used, is over, or whose user is gone.
   */
  async use(secret: string, kind: UserLinkKind, check: (user: string) => void = () => {}): Promise<string> {
    const { store, clock, users } = this.#with;
    const over = new CaissonError(
      'unauthorized',
      'this link was used, is over, or is not the last one: whoever administers the site can make a new one',
    );
    const row = await store.get(prefix + digestOf(secret));
    const record = userLinkRecordSchema.safeParse(row?.value).data;
    if (!row || record?.kind !== kind || record.endsAt <= clock.now()) throw over;
    const user = (() => {
      try {
        return users.get(record.user);
      } catch {
        throw over;
      }
    })();
    if (user.createdAt !== record.userCreatedAt || !user.enabled) throw over;
    check(user.name);
    try {
      await store.delete(row.key, { expected: row.revision });
    } catch (cause) {
      if (cause instanceof CaissonError && cause.code === 'conflict') throw over;
      throw cause;
    }
    return user.name;
  }
}
