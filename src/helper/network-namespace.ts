// The network namespace that the guests' side of the network lives in: used when it exists, else made; what we made we remove
// again. That we made it is written down with the boot id, because a namespace does not survive the boot but a file may.
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { writeDurably } from '../lib/durable-file.ts';
import { run } from '../lib/exec.ts';
import { readBootId } from './process-stat.ts';

export class NetworkNamespace {
  readonly name: string | undefined;
  readonly #record: string;

  /** Without a name the guests' network is the host's own. */
  constructor(name: string | undefined, runDirectory: string) {
    this.name = name;
    this.#record = `${runDirectory}/netns.json`;
  }

  /** What a program is started with to be in it; empty for the host's own. */
  enter(): string[] {
    return this.name === undefined ? [] : ['nsenter', `--net=/run/netns/${this.name}`, '--'];
  }

  async open(): Promise<void> {
    if (this.name === undefined) return;
    if (!existsSync(`/run/netns/${this.name}`)) {
      await writeDurably(this.#record, JSON.stringify({ name: this.name, bootId: readBootId() }));
      await run(['ip', 'netns', 'add', this.name]);
    }
    await run(['ip', '-n', this.name, 'link', 'set', 'dev', 'lo', 'up']);
  }

  /** Removes it, when we have made it. */
  async remove(): Promise<void> {
    const made = this.#made();
    if (made !== undefined && existsSync(`/run/netns/${made}`)) await run(['ip', 'netns', 'delete', made]);
    rmSync(this.#record, { force: true });
  }

  #made(): string | undefined {
    if (!existsSync(this.#record)) return undefined;
    const { name, bootId } = JSON.parse(readFileSync(this.#record, 'utf8')) as { name: string; bootId: string };
    return bootId === readBootId() ? name : undefined;
  }
}
