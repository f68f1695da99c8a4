// A small shell that stays in the guests' network and runs programs there, one after the other. For the helper a program costs several times
// what it costs the shell: the copy of a large process, three pipes, and another program that enters the network first. What comes is a
// vector of words, never a line to be read as a command; a setting is written by the shell itself.
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, fstatSync, openSync, readSync, rmSync, statSync } from 'node:fs';
import { CaissonError } from '../lib/errors.ts';
import { type RunOptions, type RunResult, judgeRun, programEnv } from '../lib/exec.ts';

/**
 * On standard input: a number of words and as many lines. On standard output: the exit code, and before it of what is `told` its process id,
 * while that has not begun yet. What the program says is in the files of descriptors 3 and 4, which have no name. The shell ends with its input.
 */
const script = `
exec 5>&1
told() { (IFS=' ' read -r pid rest < /proc/self/stat; echo "=$pid" >&5; exec "$@" 5>&-); }
put() { for pair; do echo "\${pair#*=}" > "/proc/sys/\${pair%%=*}" || { echo "$pair" >&2; return 1; }; done; }
put_known() { for pair; do [ ! -e "/proc/sys/\${pair%%=*}" ] || put "$pair" || return 1; done; }
while IFS= read -r count; do
  set --
  while [ "$count" -gt 0 ]; do
    IFS= read -r word
    set -- "$@" "$word"
    count=$((count - 1))
  done
  "$@" < /dev/null > /proc/self/fd/3 2> /proc/self/fd/4
  echo "$?" >&5
done
`;

export interface NamespaceShellOptions {
  /** What a program is started with to be in the network. */
  enter: readonly string[];
  /** The file that stands for the network: another one behind the same name is another network. */
  namespacePath: string;
  /** Writable by root alone. */
  folder: string;
}

type ShellRunOptions = Pick<RunOptions, 'timeoutMs' | 'okCodes' | 'maxOutputBytes' | 'onSpawn'>;

interface Shell {
  child: ChildProcess;
  /** Which network it is in. */
  network: string;
  /** Open files of its programs' output and errors. */
  output: number;
  errors: number;
  /** Told each exit code; undefined when it has ended. */
  told: (code: number | undefined) => void;
  /** Told the process of a program that was asked about. */
  begun: (pid: number) => void;
}

export class NamespaceShell {
  readonly #options: NamespaceShellOptions;
  #shell: Shell | undefined;
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: NamespaceShellOptions) {
    this.#options = options;
  }

  /** As `run` of `lib/exec.ts`, when everything before it has ended. */
  run(argv: readonly [string, ...string[]], options: ShellRunOptions = {}): Promise<RunResult> {
    const result = this.#last.then(() => this.#run(argv, options));
    this.#last = result.catch(() => undefined);
    return result;
  }

  /** Keys below /proc/sys, with slashes. With `isKnownOnly` those that this kernel does not have are left out. Throws `failed`. */
  async set(settings: Readonly<Record<string, number>>, { isKnownOnly = false } = {}): Promise<void> {
    const words = Object.entries(settings).map(([key, value]) => `${key}=${value}`);
    if (words.length === 0) return;
    const { code, stderr } = await this.run([isKnownOnly ? 'put_known' : 'put', ...words], { okCodes: [0, 1] });
    if (code === 0) return;
    // The last line is the setting, the one before says why.
    const [why = '', setting = ''] = stderr.trim().split('\n').slice(-2);
    throw new CaissonError('failed', `the kernel does not take ${setting} of /proc/sys: ${why.replace(/^(?:\w+: )?\d+: /, '')}`);
  }

  /** Another one is started when it is needed again. */
  stop(): void {
    const shell = this.#shell;
    this.#shell = undefined;
    if (!shell) return;
    shell.child.stdin?.end();
    for (const fd of [shell.output, shell.errors]) closeSync(fd);
    shell.told(undefined);
  }

  async #run(argv: readonly [string, ...string[]], options: ShellRunOptions): Promise<RunResult> {
    const { timeoutMs = 30_000, okCodes, maxOutputBytes = 16 * 1024 * 1024, onSpawn } = options;
    if (argv.some((word) => word.includes('\n'))) throw new CaissonError('invalid', `${argv[0]}: a word with a line break`);
    const shell = this.#open();
    const { promise: ended, resolve } = Promise.withResolvers<number | undefined>();
    shell.told = resolve;
    shell.begun = onSpawn ?? (() => undefined);
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      this.#kill(shell);
    }, timeoutMs);
    const words = onSpawn ? ['told', ...argv] : argv;
    shell.child.stdin?.write(`${words.length}\n${words.join('\n')}\n`);
    const code = await ended;
    clearTimeout(timer);
    if (isLate) throw new CaissonError('timeout', `${argv[0]} took longer than ${timeoutMs} ms`);
    if (code === undefined) throw new CaissonError('failed', `${argv[0]} was cut off: the shell in the guests’ network has ended`);
    const said = { stdout: readAll(shell.output, maxOutputBytes), stderr: readAll(shell.errors, maxOutputBytes) };
    return judgeRun(argv, { code, signal: null, ...said }, okCodes);
  }

  /** The one there is, if it is in the network that has the name now. */
  #open(): Shell {
    const network = this.#network();
    if (this.#shell && this.#shell.network !== network) this.stop();
    return (this.#shell ??= this.#start(network));
  }

  #network(): string {
    const { namespacePath } = this.#options;
    const found = statSync(namespacePath, { throwIfNoEntry: false });
    if (!found)
      throw new CaissonError('failed', `${namespacePath} is gone, and with it the guests’ network: has somebody deleted the namespace?`);
    return `${found.dev}:${found.ino}`;
  }

  #start(network: string): Shell {
    const { enter, folder } = this.#options;
    const [output, errors] = [openNameless(`${folder}/output`), openNameless(`${folder}/errors`)];
    const child = spawn('env', [...enter, 'sh', '-c', script], {
      cwd: '/',
      env: programEnv,
      // A group of its own: what it runs is killed with it.
      detached: true,
      stdio: ['pipe', 'pipe', 'ignore', output, errors],
    });
    const shell: Shell = { child, network, output, errors, told: () => undefined, begun: () => undefined };
    const onEnd = () => {
      if (this.#shell === shell) this.stop();
    };
    child.once('error', onEnd);
    child.once('exit', onEnd);
    child.stdin?.on('error', () => undefined);
    let begun = '';
    child.stdout?.setEncoding('latin1').on('data', (text: string) => {
      const lines = (begun + text).split('\n');
      begun = lines.pop() ?? '';
      for (const line of lines)
        if (line.startsWith('=')) shell.begun(Number(line.slice(1)));
        else shell.told(Number(line));
    });
    // What waits has a timer: nothing else is to keep this process.
    child.unref();
    for (const stream of [child.stdin, child.stdout]) (stream as unknown as { unref: () => void }).unref();
    return shell;
  }

  #kill({ child }: Shell): void {
    if (child.pid === undefined) return;
    try {
      process.kill(-child.pid, 'SIGKILL');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
}

function openNameless(path: string): number {
  const fd = openSync(path, 'wx+', 0o600);
  rmSync(path);
  return fd;
}

function readAll(fd: number, max: number): string {
  const { size } = fstatSync(fd);
  if (size === 0) return '';
  const buffer = Buffer.allocUnsafe(Math.min(size, max));
  return buffer.toString('utf8', 0, readSync(fd, buffer, 0, buffer.length, 0));
}
