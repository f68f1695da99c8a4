// Running ip, nft and sysctl where the guests' network is: a namespace of its own, or the host's. Arguments are vectors or files of
// words that have been checked; never a shell line.
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { type RunOptions, type RunResult, run } from '../../lib/exec.ts';
import { NamespaceShell } from '../namespace-shell.ts';

export class GuestsNamespace {
  readonly #netns: string | undefined;
  readonly #folder: string;
  readonly #shell: NamespaceShell;
  #batches = 0;

  /** `folder` is writable by root alone. */
  constructor(netns: string | undefined, folder: string) {
    this.#netns = netns;
    this.#folder = folder;
    const namespacePath = netns === undefined ? '/proc/self/ns/net' : `/run/netns/${netns}`;
    this.#shell = new NamespaceShell({ enter: this.#enter(), namespacePath, folder });
  }

  /** Whether it is one of its own, so that settings which are not of single interfaces may be changed. */
  get isOwn(): boolean {
    return this.#netns !== undefined;
  }

  exists(): boolean {
    return this.#netns === undefined || existsSync(`/run/netns/${this.#netns}`);
  }

  command(argv: readonly [string, ...string[]]): [string, ...string[]] {
    const [program, ...rest] = [...this.#enter(), ...argv];
    return [program ?? argv[0], ...rest];
  }

  /** In turn with what else is asked of the shell that stays there. */
  run(
    argv: readonly [string, ...string[]],
    options?: Pick<RunOptions, 'okCodes' | 'maxOutputBytes' | 'timeoutMs' | 'onSpawn'>,
  ): Promise<RunResult> {
    return this.#shell.run(argv, options);
  }

  /** Beside whatever else is being run: for programs that take their time. */
  runBeside(argv: readonly [string, ...string[]], options?: RunOptions): Promise<RunResult> {
    return run(this.command(argv), options);
  }

  /** What stays there to run programs ends; it comes back with the next one. */
  close(): void {
    this.#shell.stop();
  }

  /** What `ip -j ARGS` says. */
  async read<T>(args: string[]): Promise<T[]> {
    const { stdout } = await this.#shell.run(['ip', '-j', ...args]);
    return stdout.trim() === '' ? [] : (JSON.parse(stdout) as T[]);
  }

  /** What `ip -j` says to each of some questions, in one program. */
  async readAll(questions: readonly string[], family?: 4 | 6): Promise<unknown[][]> {
    const words = ['-j', '-d', ...(family ? [`-${family}`] : []), '-batch'];
    const { stdout } = await this.withFile('ip', `${questions.join('\n')}\n`, (path) => this.#shell.run(['ip', ...words, path]));
    const answers = stdout.split('\n').filter((line) => line !== '');
    return answers.map((line) => JSON.parse(line) as unknown[]);
  }

  /** Lines of `ip -batch`, in order, up to the first that fails; `default` is that of `family`. */
  async change(lines: readonly string[], family?: 4 | 6): Promise<void> {
    if (lines.length === 0) return;
    await this.withFile('ip', `${lines.join('\n')}\n`, (path) =>
      this.#shell.run(['ip', ...(family ? [`-${family}`] : []), '-batch', path]),
    );
  }

  /** As `change`; a line that fails is passed over. */
  async tryToChange(lines: readonly string[]): Promise<void> {
    await this.withFile('ip', `${lines.join('\n')}\n`, (path) => this.#shell.run(['ip', '-force', '-batch', path], { okCodes: [0, 1, 2] }));
  }

  /** Keys with slashes, below /proc/sys. Those of IPv6 are left out on a host without it. */
  async set(settings: Record<string, number>): Promise<void> {
    const pairs = Object.entries(settings).filter(([key]) => !key.startsWith('net/ipv6/') || existsSync('/proc/sys/net/ipv6'));
    await this.#shell.set(Object.fromEntries(pairs));
  }

  /** As `set`, without what this kernel does not have. */
  async setWhereKnown(settings: Record<string, number>): Promise<void> {
    await this.#shell.set(settings, { isKnownOnly: true });
  }

  /** Gives `work` a file with that content, for programs that read files better than pipes. */
  async withFile<T>(name: string, content: string, work: (path: string) => Promise<T>): Promise<T> {
    const path = `${this.#folder}/${name}-${process.pid}-${this.#batches++}`;
    writeFileSync(path, content, { mode: 0o600, flag: 'wx' });
    try {
      return await work(path);
    } finally {
      rmSync(path, { force: true });
    }
  }

  #enter(): string[] {
    return this.#netns === undefined ? [] : ['nsenter', `--net=/run/netns/${this.#netns}`, '--'];
  }
}
