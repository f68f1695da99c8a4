// A bridge without any filter, with an attacker and a victim on it: where attacks on the wire work. Needs root.
import { mkdtempSync, rmSync } from 'node:fs';
import { run } from '../../src/lib/exec.ts';
import { waitFor } from '../../src/lib/wait-for.ts';
import { broadcast, ethernet } from './frames.ts';
import { Mark, Wire } from './wire.ts';

export class SharedWire {
  readonly victimMac = '52:54:00:00:00:04';
  readonly #folder = mkdtempSync('/tmp/caisson-test-wire-');
  readonly #names: Record<'wire' | 'attacker' | 'victim', string>;
  #attacker: Wire | undefined;
  #victim: Wire | undefined;

  constructor(name: string) {
    const prefix = `cst-shared-${name}-${process.pid}`;
    this.#names = { wire: `${prefix}-wire`, attacker: `${prefix}-a`, victim: `${prefix}-v` };
  }

  async open(): Promise<void> {
    const { wire, attacker, victim } = this.#names;
    for (const name of [wire, attacker, victim]) await run(['ip', 'netns', 'add', name]);
    await run(['ip', '-n', wire, 'link', 'add', 'bridge', 'up', 'type', 'bridge', 'mcast_snooping', '0']);
    for (const [name, namespace] of [['attacker', attacker] as const, ['victim', victim] as const]) {
      await run(['ip', '-n', wire, 'link', 'add', name, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', namespace]);
      await run(['ip', '-n', wire, 'link', 'set', name, 'master', 'bridge', 'up']);
      // Frames in the name of others do not turn the bridge's head.
      await run(['ip', '-n', wire, 'link', 'set', name, 'type', 'bridge_slave', 'learning', 'off']);
      await run(['ip', '-n', namespace, 'link', 'set', 'eth0', 'up', ...(name === 'victim' ? ['address', this.victimMac] : [])]);
    }
    for (const family of ['ip', 'ip6', 'arp'])
      await run(['ip', 'netns', 'exec', wire, 'sysctl', '-q', '-w', `net/bridge/bridge-nf-call-${family}tables=0`]);
    this.#attacker = new Wire(attacker, this.#folder);
    this.#victim = new Wire(victim, this.#folder);
    await this.#victim.hear('eth0');
    await waitFor(
      'the bridge carries frames',
      async () => (await this.send(({ bytes }) => [ethernet({ from: '52:54:00:00:00:09', to: broadcast }, 0x88b5, bytes)], 100)).heard > 0,
      { timeoutMs: 5000 },
    );
  }

  /** How many frames the attacker sent and the victim heard. */
  async send(make: (mark: Mark) => readonly Uint8Array[], timeoutMs = 3000): Promise<{ sent: number; heard: number }> {
    const mark = new Mark();
    // A bridge itself refuses frames without a sender.
    const frames = make(mark)
      .filter((frame) => ((frame[6] ?? 0) & 1) === 0 && frame.subarray(6, 12).some((byte) => byte !== 0))
      .map((frame) => mark.behind(frame));
    const sent = (await this.#attacker?.send('eth0', frames)) ?? 0;
    let heard = 0;
    await waitFor(
      'the victim hears',
      async () => {
        for (const { id, times } of (await this.#victim?.heard()) ?? []) if (id === mark.id) heard += times;
        return heard >= sent;
      },
      { timeoutMs, everyMs: 2 },
    ).catch(() => undefined);
    return { sent, heard };
  }

  async close(): Promise<void> {
    await this.#attacker?.end();
    await this.#victim?.end();
    for (const name of Object.values(this.#names)) await run(['ip', 'netns', 'delete', name]);
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
