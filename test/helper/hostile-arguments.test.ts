// Every argument of every verb, one at a time replaced by what an attacker would give: refused before anything is done. The network's verbs
// are tried on a network that does not exist, so that whatever got through would fail otherwise.
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { checkArguments, type Owned, type OwnVerb } from '../../src/helper/check-arguments.ts';
import { createKernelNetwork } from '../../src/helper/network/kernel-network.ts';
import { CaissonError } from '../../src/lib/errors.ts';
import { silentLog } from '../../src/lib/log.ts';
import { goodArguments, hostileCases } from './hostile-arguments.ts';

const owned: Owned = {
  dataDirectory: '/var/lib/caisson',
  imageCache: '/var/cache/caisson/images',
  userIds: { base: 1_900_000_000, count: 4032 },
};
const places = { dataDirectory: owned.dataDirectory, imageCache: owned.imageCache, userId: 1_900_000_007 };
const folder = mkdtempSync(join(tmpdir(), 'caisson-test-hostile-'));
after(() => rmSync(folder, { recursive: true }));
const network = createKernelNetwork({ netns: 'cst-there-is-none', folder: `${folder}/network`, userId: 1, log: silentLog });
const isOwn = (verb: string): verb is OwnVerb => !(verb in network);

const good = goodArguments(places);
const cases = hostileCases(places);

for (const [verb, all] of Object.entries(good)) {
  const hostile = cases.filter((one) => one.verb === verb);
  test(`${verb}: what is right is let through, and each of ${hostile.length} wrong arguments is refused`, async () => {
    for (const args of all) if (isOwn(verb)) assert.deepEqual(checkArguments(verb, args, owned), args);
    const through: string[] = [];
    for (const { what, args } of hostile) {
      const code = await (async () =>
        isOwn(verb)
          ? checkArguments(verb, args, owned)
          : (network as never as Record<string, (args: unknown) => Promise<unknown>>)[verb]?.(args))().then(
        () => 'done',
        (error: unknown) => (error instanceof CaissonError ? error.code : String(error)),
      );
      if (code !== 'invalid') through.push(`${what}: ${code}`);
    }
    assert.deepEqual(through, []);
    assert.ok(hostile.length > 5, `${hostile.length} cases`);
    assert.deepEqual(readdirSync(`${folder}/network`), []);
  });
}
