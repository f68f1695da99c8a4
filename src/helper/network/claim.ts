// One data directory for one network: two in one would replace each other's rules, taps and routes. The claim is a locked file named
// after the network namespace, which says whose it is; the lock ends with the helper, however that happens, but as long as taps of guests
// are there the name counts.
import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { CaissonError } from '../../lib/errors.ts';
import { lockOpenFile } from '../../lib/file-lock.ts';

export interface ClaimOptions {
  /** Of root; the same for every data directory of this machine. */
  folder: string;
  /** The data directory that claims, or another name of its own. */
  owner: string;
  /** Of the network namespace: `/run/netns/NAME`, or `/proc/self/ns/net`. */
  namespacePath: string;
  /** Whether guests' taps are in the network. */
  hasTaps: () => Promise<boolean>;
}

export class NetworkClaim {
  readonly #options: ClaimOptions;
  #held: { fd: number } | undefined;

  constructor(options: ClaimOptions) {
    this.#options = options;
  }

  /** Throws `conflict` when the network is another data directory's. Idempotent. */
  async take(): Promise<void> {
    if (this.#held) return;
    const { folder, owner, namespacePath, hasTaps } = this.#options;
    mkdirSync(folder, { recursive: true, mode: 0o755 });
    const path = `${folder}/network-${statSync(namespacePath).ino}.lock`;
    const fd = openLocked(path);
    const other = fd === undefined ? readFileSync(path, 'utf8') : readOwner(fd);
    if (fd === undefined || (other !== '' && other !== owner && (await hasTaps()))) {
      if (fd !== undefined) closeSync(fd);
      throw new CaissonError(
        'conflict',
        `this network is that of the data directory ${other || 'of another daemon'}${fd === undefined ? '' : ', whose guests run'}: give this one a namespace of its own (caisson daemon --netns NAME), or stop the other one with its guests`,
      );
    }
    ftruncateSync(fd);
    writeSync(fd, owner, 0);
    this.#held = { fd };
  }

  /** The network is nobody's any more, nor is any that the owner had before. */
  release(): void {
    const { folder, owner } = this.#options;
    const files = existsSync(folder) ? readdirSync(folder).filter((name) => /^network-\d+\.lock$/.test(name)) : [];
    for (const name of files) if (readFileSync(`${folder}/${name}`, 'utf8') === owner) rmSync(`${folder}/${name}`, { force: true });
    if (this.#held) closeSync(this.#held.fd);
    this.#held = undefined;
  }
}

/** Undefined when somebody else holds it. A file that its holder has just removed is opened anew. */
function openLocked(path: string): number | undefined {
  for (;;) {
    const fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
    if (!lockOpenFile(fd, { waitSeconds: 0 })) {
      closeSync(fd);
      return undefined;
    }
    if (statSync(path, { throwIfNoEntry: false })?.ino === fstatSync(fd).ino) return fd;
    closeSync(fd);
  }
}

function readOwner(fd: number): string {
  return readFileSync(`/proc/self/fd/${fd}`, 'utf8');
}
