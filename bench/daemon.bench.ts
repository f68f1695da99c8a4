// How soon a daemon is there again: over guests that run, and over a site that has to be started as a whole.
import { startSimulatedDaemon, createSimulatedWorld, type SimulatedWorld } from '../src/daemon/simulate.ts';
import { waitFor } from '../src/lib/wait-for.ts';
import { sampleSite } from '../test/daemon/sample-site.ts';
import { PausedHost } from '../test/e2e/paused-guests.ts';
import type { Bench, BenchContext } from './figure.ts';
import { median } from './statistics.ts';

const adopt = 'daemon/adopt-100-guests';
const restart = 'daemon/restart-20-guests';
const reconcile = 'daemon/reconcile-1000-simulated';
const rounds = 3;

export const bench: Bench = {
  figures: [
    { name: adopt, unit: 'ms', goal: { atMost: 5000 } },
    { name: restart, unit: 'ms', goal: { atMost: 2000 } },
    { name: reconcile, unit: 'ms', goal: { atMost: 3000 } },
  ],
  async run(context) {
    if (context.isWanted(adopt) || context.isWanted(restart)) {
      const alone = await adoptedAfter(0, context);
      const baseline = { what: 'its start without a guest', value: alone };
      if (context.isWanted(restart)) context.report(restart, { value: await adoptedAfter(20, context), baseline });
      if (context.isWanted(adopt)) context.report(adopt, { value: await adoptedAfter(100, context), baseline });
    }
    if (context.isWanted(reconcile)) await reconciled(context);
  },
};

/** From the start of helper and daemon, whose predecessors were killed, until every guest is told with its process. */
async function adoptedAfter(count: number, { say }: BenchContext): Promise<number> {
  say(`${count} guests`);
  const host = await PausedHost.open('bench-adopt', count);
  try {
    // The first one connects their nics, as after a start of each.
    await host.start();
    const times: number[] = [];
    for (let round = 0; round < rounds; round++) {
      await host.kill();
      const begun = performance.now();
      const adopted = (await host.start()).filter(({ status }) => status.power === 'paused').length;
      times.push(performance.now() - begun);
      if (adopted !== count) throw new Error(`${adopted} of ${count} guests were adopted`);
    }
    return median(times);
  } finally {
    await host.remove();
  }
}

/** Every guest of the site is wanted to run, and none does, as after a start of the host. */
async function reconciled({ report, say }: BenchContext): Promise<void> {
  const count = 1000;
  const world = createSimulatedWorld();
  say(`${count} simulated guests`);
  const first = await startSimulatedDaemon({ world, bootMs: 1 });
  const { uid } = await first.engine.applySite(sampleSite(count), { prune: false, deleteDisks: false, overwrite: false }, 'bench');
  await first.engine.jobs.wait(uid);
  await first.close();
  const running = await readyAfter(world, count);
  for (const guest of world.host.processes.keys()) world.host.end(guest, 'crashed', 'the power failed');
  report(reconcile, {
    value: await readyAfter(world, count),
    baseline: { what: 'a start over as many that run', value: running },
  });
}

async function readyAfter(world: SimulatedWorld, count: number): Promise<number> {
  const begun = performance.now();
  const daemon = await startSimulatedDaemon({ world, bootMs: 1 });
  try {
    const ready = () => daemon.engine.guests().filter(({ status }) => status.ready).length === count;
    await waitFor('every guest is ready', ready, { timeoutMs: 120_000, everyMs: 20 });
    return performance.now() - begun;
  } finally {
    await daemon.close();
  }
}
