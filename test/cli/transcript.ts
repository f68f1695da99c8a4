// Runs the commands of a transcript against a simulated daemon and writes down what they said, with what differs from run to run
// (times, identifiers, paths) put in a form that does not.
//
//   $ caisson …        a command; `< text` at its end is its standard input, NAME.yaml lies in test/cli/sites
//   % crash GUEST      its QEMU dies
//   % until GUEST WORD its state is WORD
//   % daemon ends
//     standard output  ! standard error  ␤ an empty line  [exit N] unless 0
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCli } from '../../src/cli/run-cli.ts';
import { createSimulatedWorld, type SimulatedDaemon, startSimulatedDaemon } from '../../src/daemon/simulate.ts';
import { waitFor } from '../../src/lib/wait-for.ts';
import { Terminal } from './terminal.ts';

/** Which steps are seen running depends on how fast they were. */
const progress = /^! [·▸✓-] /;

const sites = join(import.meta.dirname, 'sites');

/** The transcript with what its commands say now. */
export async function replay(transcript: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'caisson-cli-'));
  const socketPath = join(folder, 'run/api.sock');
  const daemon = await startSimulatedDaemon({ socketPath, world: createSimulatedWorld({ seed: 7 }), bootMs: 10 });
  const stay = new Stay([
    [folder, '/DATA'],
    [sites, '/SITES'],
  ]);
  let isRunning = true;
  const lines: string[] = [];
  try {
    for (const line of transcript.split('\n')) {
      if (line.startsWith('$ ')) lines.push(line, ...stay.settle(await runLine(line.slice(2), folder)));
      else if (line === '% daemon ends') {
        await daemon.close();
        isRunning = false;
        lines.push(line);
      } else if (line.startsWith('% ')) {
        await act(daemon, line.slice(2).split(' '));
        lines.push(line);
      } else if (line.startsWith('#') || line === '') lines.push(line);
    }
  } finally {
    if (isRunning) await daemon.close();
    await rm(folder, { recursive: true, force: true });
  }
  return lines.join('\n');
}

async function runLine(line: string, folder: string): Promise<string[]> {
  const [, command = '', typed] = /^caisson ?(.*?)(?: < (.*))?$/.exec(line) ?? [];
  const argv = [...command.matchAll(/'([^']*)'|(\S+)/g)].map((match) =>
    (match[1] ?? match[2] ?? '').replace(/^([\w-]+\.yaml)$/, `${sites}/$1`),
  );
  const terminal = new Terminal({
    env: { CAISSON_DATA: folder },
    ...(typed === undefined ? {} : { typed: typed.replaceAll('\\n', '\n') }),
  });
  const exit = await runCli(argv, terminal);
  const said = terminal.written
    .flatMap(({ to, text }) =>
      text
        .replace(/\n$/, '')
        .split('\n')
        .map((each) => `${to === 'stdout' ? '  ' : '! '}${each.trimEnd() || '␤'}`),
    )
    .filter((each) => !progress.test(each));
  return exit === 0 ? said : [...said, `[exit ${exit}]`];
}

async function act({ engine, world }: SimulatedDaemon, [what, guest = '', word = '']: string[]): Promise<void> {
  if (what === 'crash') world.host.end((await engine.guest(guest)).uid, 'crashed', 'killed');
  else if (what === 'until') {
    await waitFor(
      `${guest} ${word}`,
      () => {
        const status = engine.guests().find(({ name }) => name === guest)?.status;
        return word === 'ready' ? status?.ready : status?.power === word;
      },
      { timeoutMs: 5000 },
    );
  } else throw new Error(`a transcript cannot “${what}”`);
}

/** Makes what differs from run to run the same, of the same width. */
class Stay {
  readonly #paths: readonly (readonly [string, string])[];
  readonly #uids = new Map<string, string>();

  constructor(paths: readonly (readonly [string, string])[]) {
    this.#paths = paths;
  }

  settle(lines: readonly string[]): string[] {
    return lines.map((line) => {
      let text = line;
      for (const [path, name] of this.#paths) text = text.replaceAll(path, name);
      return (
        text
          .replaceAll(/\b[gjh][a-hjkmnp-z2-9]{10}\b/g, (uid) => this.#uid(uid))
          .replaceAll(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/g, '2026-01-01 00:00:00')
          .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, '2026-01-01T00:00:00.000Z')
          .replaceAll(/\b(caisson_[a-z]+_)[\w-]{43}/g, '$1SECRET')
          .replaceAll(/\b(?:[0-9a-f]{64}|[0-9a-f]{12})\b/g, (digest) => '0'.repeat(digest.length))
          .replaceAll(/(revision +)\d+/g, '$17')
          .replaceAll(/52(?::[0-9a-f]{2}){5}/g, '52:54:00:00:00:00')
          .replaceAll(/costs the host \d+ MiB|[\d,]+ MiB (?=free|promised)/g, (text) => text.replaceAll(/[\d,]+/g, '300'))
          .replaceAll(/( *)\b[\d.]+ (?:ms|s)\b/g, (text, gap: string) => {
            // The column of a list of jobs is as wide as what stands in it, a field has none; others are as wide as their title.
            const isFlexible = gap.length <= 2 || /^ {2}([gjh]\w{10}|ready after) /.test(line);
            return isFlexible ? `${gap.slice(0, 2)}5 ms` : '5 ms'.padStart(text.length);
          })
          .replace(/ +TOOK/, '  TOOK')
          // It is asked as soon as the guest runs, which a quick command may be ahead of.
          .replace(/^( {2}agent +)unknown$/, '$1answers')
      );
    });
  }

  #uid(uid: string): string {
    const known = this.#uids.get(uid) ?? `${uid.charAt(0)}${String(this.#uids.size + 1).padStart(10, '0')}`;
    this.#uids.set(uid, known);
    return known;
  }
}
