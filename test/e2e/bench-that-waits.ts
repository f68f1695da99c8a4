// As a bench: it has helper and daemon, and a guest that boots nothing, and measures until it is stopped. For bench-stopped.e2e.ts.
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { emptyGuests } from '../../bench/empty-guests.ts';
import { applySite, onHost } from '../../bench/real-host.ts';
import { stopSignal } from '../../bench/stop-signal.ts';
import { sampleSite } from '../daemon/sample-site.ts';

export const waitingBenchPath = fileURLToPath(import.meta.url);

if (import.meta.main) {
  const [netns = ''] = process.argv.slice(2);
  const signal = stopSignal();
  signal.addEventListener('abort', () => console.log('is stopped'));
  console.log('begins');
  try {
    await onHost(
      signal,
      async ({ client, folder }) => {
        const site = sampleSite(1);
        await applySite(client, { ...site, images: emptyGuests(Object.values(site.guests), { folder, memoryMib: 64 }) });
        console.log('measures');
        await sleep(3_600_000, undefined, { signal });
      },
      { netns },
    );
  } catch (error) {
    console.log(String(error));
    process.exitCode = error === signal.reason ? 3 : 1;
  }
}
