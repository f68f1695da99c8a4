// Which implementation of each contract a real host has: the one place that chooses.
import { join } from 'node:path';
import { z } from 'zod';
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import { formatSize } from '../lib/units.ts';
import { type HelperCaller, networkHelper } from '../drivers/helper-client/helper-client.ts';
import { helperDoctor } from '../drivers/helper-client/helper-doctor.ts';
import { helperProbes } from '../drivers/helper-client/helper-probes.ts';
import type { ImageProgress, Images } from '../drivers/images.ts';
import { createImages } from '../drivers/images/image-cache.ts';
import { writeSeed } from '../drivers/images/seed.ts';
import { createGuestFolder } from '../drivers/guest-folder/guest-folder.ts';
import { createNftablesNetwork } from '../drivers/nftables/network.ts';
import { createOidcProvider } from '../drivers/oidc/identity-provider.ts';
import { createUefiVariables } from '../drivers/qemu/firmware.ts';
import { createHostSensors } from '../drivers/procfs/host-sensors.ts';
import { helperProcesses } from '../drivers/qemu/helper-processes.ts';
import { createQemu } from '../drivers/qemu/hypervisor.ts';
import { readQemuFacts } from '../drivers/qemu/qemu-facts.ts';
import { createSocketProber } from '../drivers/sockets/prober.ts';
import type { EngineParts } from '../engine/parts.ts';
import type { HelperHello } from '../model/helper-protocol.ts';

export interface DriverOptions {
  helper: HelperCaller;
  hello: HelperHello;
  clock: Clock;
  log: Log;
}

export async function createDrivers({
  helper,
  hello,
  clock,
  log,
}: DriverOptions): Promise<
  Pick<EngineParts, 'hypervisor' | 'network' | 'images' | 'guestFiles' | 'prober' | 'sensors' | 'doctor' | 'identityProvider'>
> {
  const { dataDirectory, runDirectory } = hello;
  return {
    hypervisor: createQemu({
      clock,
      log: log.child({ part: 'qemu' }),
      processes: helperProcesses(helper),
      dataDirectory,
      runDirectory,
      facts: askOnce(() => readQemuFacts({ clock, cachePath: join(dataDirectory, 'qemu-facts.json') })),
    }),
    network: createNftablesNetwork({
      helper: networkHelper(helper),
      log: log.child({ part: 'network' }),
      changes: (listener) =>
        helper.onEvent((event) => {
          if (event.event === 'network-changed') listener(event.what);
        }),
    }),
    images: await createHelperImages(helper, dataDirectory),
    guestFiles: createGuestFolder({
      helper,
      dataDirectory,
      runDirectory,
      writeSeed,
      createUefiVariables,
    }),
    sensors: createHostSensors({ dataDirectory }),
    doctor: helperDoctor(helper),
    identityProvider: createOidcProvider(),
    prober: createSocketProber(helperProbes(helper)),
  };
}

/** Images are built and fetched by the helper: the daemon lives in the guests' network, which has no way to a package server. */
function createHelperImages(helper: HelperCaller, dataDirectory: string): Promise<Images> {
  const progressOf = (say: (progress: ImageProgress) => void) => (said: Record<string, unknown>) => {
    const { step, fraction } = said;
    if (typeof step === 'string') say({ step, ...(typeof fraction === 'number' ? { fraction } : {}) });
  };
  return createImages({
    cacheFolder: imageCache,
    imagesFolder: join(dataDirectory, 'images'),
    async build(recipePath, outPath, onProgress, signal) {
      const { result } = await helper.call('imageBuild', { recipePath, outPath }, { signal, onProgress: progressOf(onProgress) });
      return builtImageSchema.parse(result);
    },
    async fetch(url, sha256, outPath, onProgress, signal) {
      const onBytes = ({ bytes }: Record<string, unknown>) => onProgress({ step: `fetched ${formatSize(Number(bytes))}` });
      await helper.call('imageFetch', { url, sha256, outPath }, { signal, onProgress: onBytes });
    },
  });
}

const imageCache = '/var/cache/caisson/images';

const builtImageSchema = z.strictObject({
  path: z.string(),
  packages: z.array(z.string()),
  manifestSha256: z.string(),
  sizeBytes: z.int(),
});

/** Asked once: what new guests are pinned to does not change while the daemon runs. */
function askOnce<T>(ask: () => Promise<T>): () => Promise<T> {
  let answer: Promise<T> | undefined;
  return () => {
    answer ??= ask().catch((error: unknown) => {
      answer = undefined;
      throw error;
    });
    return answer;
  };
}
