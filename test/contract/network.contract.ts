// What every network keeps. Run by each implementation's test, which brings guests to plug in and ways to do harm.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Network } from '../../src/drivers/network.ts';
import { waitFor } from '../../src/lib/wait-for.ts';
import type { NetworkNic } from '../../src/model/network-state.ts';
import { checkRules } from '../../src/plan/rules/check-rules.ts';
import { exampleNetwork, exampleNics } from '../network/example-network.ts';

export interface NetworkTrial {
  network: Network;
  /** A guest opens its tap. */
  plug(nic: NetworkNic): Promise<void>;
  /** The guest is gone, and its tap with it. */
  unplug(nic: NetworkNic): Promise<void>;
  flushRules(): Promise<void>;
  killNames(): Promise<void>;
  close(): Promise<void>;
}

const { web, app } = exampleNics;

/** The uplink `eth1` exists, `eth9` does not. */
export function networkContract(name: string, open: () => Promise<NetworkTrial>): void {
  describe(`network: ${name}`, () => {
    let trial: NetworkTrial;
    let network: Network;
    before(async () => {
      trial = await open();
      network = trial.network;
      await trial.plug(web);
      await trial.plug(app);
    });
    after(() => trial.close());

    test('before anything is applied nothing is in force and nothing can be connected', async () => {
      const observed = await network.observe();
      assert.equal(observed.rules.inForce, false);
      assert.deepEqual({ taps: observed.taps, names: observed.names }, { taps: [], names: { running: false } });
      await assert.rejects(network.connect(web.tap), { code: 'not-allowed' });
    });

    test('tells the rules in force as the kernel has them, or why there are none to tell', async () => {
      await network.apply(exampleNetwork);
      const read = await network.readRules();
      if ('none' in read) assert.match(read.none, /simulated/);
      else assert.deepEqual(checkRules(read.json, exampleNetwork).differences, []);
    });

    test('what was applied is in force, and its nics can be connected, however often', async () => {
      await network.apply(exampleNetwork);
      assert.deepEqual(await network.observe(), {
        rules: { inForce: true },
        wiring: { intact: true },
        taps: [],
        names: { running: true },
        others: [],
        silentRouters: [],
      });
      for (const { tap } of [web, app, web]) await network.connect(tap);
      await network.apply(exampleNetwork);
      assert.deepEqual(await network.observe(), {
        rules: { inForce: true },
        wiring: { intact: true },
        taps: [web.tap, app.tap].toSorted(),
        names: { running: true },
        others: [],
        silentRouters: [],
      });
    });

    test('a nic that the network does not have cannot be connected', async () => {
      await network.apply({ ...exampleNetwork, nics: exampleNetwork.nics.filter((nic) => nic !== app) });
      await assert.rejects(network.connect(app.tap), { code: 'not-allowed' });
      await network.apply(exampleNetwork);
    });

    test('flushed rules are noticed, keep nics out, and come back with the next apply', async () => {
      const heard = new Promise<void>((resolve) => void network.onChange(resolve));
      await trial.flushRules();
      await heard;
      const { rules } = await network.observe();
      assert.ok(!rules.inForce && rules.why.length > 0);
      await assert.rejects(network.connect(web.tap), { code: 'not-allowed' });
      await network.apply(exampleNetwork);
      assert.deepEqual((await network.observe()).rules, { inForce: true });
      await network.connect(web.tap);
    });

    test('a dead name service is noticed and comes back with the next apply', async () => {
      await trial.killNames();
      await waitFor('its death is noticed', async () => !(await network.observe()).names.running, { timeoutMs: 10_000 });
      await network.apply(exampleNetwork);
      assert.deepEqual((await network.observe()).names, { running: true });
    });

    test('a network that cannot be made leaves the one of before', async () => {
      const zones = exampleNetwork.zones.map((zone) => (zone.uplink ? { ...zone, uplink: { interface: 'eth9' } } : zone));
      await assert.rejects(network.apply({ ...exampleNetwork, zones }), { code: 'missing', message: /eth9/ });
      await assert.rejects(network.apply({ ...exampleNetwork, site: 'lab\nserver=203.0.113.1' }), { code: 'invalid' });
      await assert.rejects(network.apply({ ...exampleNetwork, nics: [{ ...web, tap: 'csg" accept' }] }), { code: 'invalid' });
      await assert.rejects(network.apply({ ...exampleNetwork, zones: [] }), { code: 'invalid' });
      assert.deepEqual((await network.observe()).rules, { inForce: true });
      await network.connect(web.tap);
    });

    test('a nic goes out, however often, and in again', async () => {
      await network.disconnect(web.tap);
      await network.disconnect(web.tap);
      assert.deepEqual((await network.observe()).taps, [app.tap]);
      await trial.unplug(web);
      await trial.plug(web);
      await network.connect(web.tap);
      assert.deepEqual((await network.observe()).taps, [web.tap, app.tap].toSorted());
    });

    test('removed, nothing is left, and it can be made again', async () => {
      await network.remove();
      await network.remove();
      const observed = await network.observe();
      assert.equal(observed.rules.inForce, false);
      assert.deepEqual({ taps: observed.taps, names: observed.names }, { taps: [], names: { running: false } });
      await assert.rejects(network.connect(web.tap), { code: 'not-allowed' });
      await network.apply(exampleNetwork);
      assert.deepEqual(await network.observe(), {
        rules: { inForce: true },
        wiring: { intact: true },
        taps: [],
        names: { running: true },
        others: [],
        silentRouters: [],
      });
    });
  });
}
