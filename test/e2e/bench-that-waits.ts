// As a bench: it has helper and daemon, and a guest that boots nothing, and measures until it is stopped. For bench-stopped.e2e.ts.
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
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
        const image = join(folder, 'empty.qcow2');
        execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', image, '64M']);
        const site = sampleSite(1);
        for (const spec of Object.values(site.guests)) {
          spec.image = 'empty';
          spec.memoryMib = 64;
          delete spec.service;
        }
        await applySite(client, { ...site, images: { empty: { file: image } } });
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
