// Passwords as argon2id (RFC 9106) of the runtime, in the usual text form, which carries its parameters: `$argon2id$v=19$m=…,t=…,p=1$SALT$HASH`.
// A check takes as long for a user that does not exist (`checkNobody`). One at a time: many at once would need that much memory. What it costs is a
// parameter, since tests of everything else need no strong ones.
import { argon2, randomBytes, timingSafeEqual } from 'node:crypto';
import { channel } from 'node:diagnostics_channel';
import { promisify } from 'node:util';
import { CaissonError } from './errors.ts';

export interface HashParameters {
  /** KiB. */
  memory: number;
  passes: number;
  parallelism: number;
}

/** More than OWASP’s least (19 MiB, two passes); about 90 ms of one core. */
const usual: HashParameters = { memory: 32 * 1024, passes: 3, parallelism: 1 };

/** What a stored text may ask for: no damaged one may take the machine’s memory. */
const most: HashParameters = { memory: 256 * 1024, passes: 16, parallelism: 4 };

/** Checks that may wait for their turn; further ones are refused. */
const mostWaiting = 16;

const hashBytes = 32;
const pattern = /^\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,3}),p=(\d{1,2})\$([A-Za-z0-9+/]{16,88})\$([A-Za-z0-9+/]{22,88})$/;

const derive = promisify(argon2);

/** Told of each hash that is computed, with its parameters: two checks take as long when they do the same work. */
export const hashWork = channel('caisson.password-hash');

export class PasswordHashes {
  readonly #parameters: HashParameters;
  #waiting = 0;
  #last: Promise<unknown> = Promise.resolve();

  constructor(parameters: HashParameters = usual) {
    this.#parameters = parameters;
  }

  async hash(password: string): Promise<string> {
    const salt = randomBytes(16);
    return render(this.#parameters, salt, await this.#run(password, salt, this.#parameters, hashBytes));
  }

  /** Throws `internal` when the text is no such hash, `too-many` when too many are being checked. */
  async check(password: string, text: string): Promise<{ isRight: boolean; isOutdated: boolean }> {
    const { parameters, salt, hash } = parse(text);
    const found = await this.#run(password, salt, parameters, hash.length);
    const isOutdated = parameters.memory < this.#parameters.memory || parameters.passes < this.#parameters.passes;
    return { isRight: timingSafeEqual(found, hash), isOutdated };
  }

  /** Takes as long as a check of somebody’s password. */
  async checkNobody(password: string): Promise<void> {
    await this.#run(password, Buffer.alloc(16), this.#parameters, hashBytes);
  }

  #run(password: string, nonce: Buffer, { memory, passes, parallelism }: HashParameters, tagLength: number): Promise<Buffer> {
    if (this.#waiting >= mostWaiting)
      throw new CaissonError('too-many', 'too many passwords are being checked at this moment: try again in a few seconds', {
        details: { retryAfterSeconds: 3 },
      });
    this.#waiting++;
    const result = this.#last
      .then(() => {
        hashWork.publish({ memory, passes, parallelism, tagLength });
        return derive('argon2id', { message: Buffer.from(password, 'utf8'), nonce, memory, passes, parallelism, tagLength });
      })
      .finally(() => this.#waiting--);
    this.#last = result.catch(() => undefined);
    return result;
  }
}

function render({ memory, passes, parallelism }: HashParameters, salt: Buffer, hash: Buffer): string {
  const base64 = (bytes: Buffer) => bytes.toString('base64').replaceAll('=', '');
  return `$argon2id$v=19$m=${memory},t=${passes},p=${parallelism}$${base64(salt)}$${base64(hash)}`;
}

function parse(text: string): { parameters: HashParameters; salt: Buffer; hash: Buffer } {
  const [, memory, passes, parallelism, salt = '', hash = ''] = pattern.exec(text) ?? [];
  const parameters = { memory: Number(memory), passes: Number(passes), parallelism: Number(parallelism) };
  const isUsable =
    parameters.passes >= 1 &&
    parameters.parallelism >= 1 &&
    parameters.memory >= 8 * parameters.parallelism &&
    parameters.memory <= most.memory &&
    parameters.passes <= most.passes &&
    parameters.parallelism <= most.parallelism;
  if (!isUsable) throw new CaissonError('internal', 'a stored password hash cannot be read');
  return { parameters, salt: Buffer.from(salt, 'base64'), hash: Buffer.from(hash, 'base64') };
}
