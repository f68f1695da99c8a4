// The kernel side of the guests' network: the network's verbs of the helper. Every argument is checked here again; changes are made one at
// a time.
import { mkdirSync, rmSync } from 'node:fs';
import { KeyedLock } from '../../lib/keyed-lock.ts';
import type { Log } from '../../lib/log.ts';
import type { NetworkHelper } from '../../model/network-helper.ts';
import { flag, object, optional } from '../check.ts';
import { checkDhcpHosts, checkDnsmasqConfig, checkNames, checkNicDown, checkNicUp, checkTable, checkZones } from './check-network.ts';
import { GuestsNamespace } from './guests-namespace.ts';
import { NameService } from './names.ts';
import { readTaps, setNicDown, setNicUp } from './nics.ts';
import { readRules } from './rules.ts';
import { applyZones, guestProtocol, readProxies, zoneProtocol } from './zones.ts';

export interface KernelNetworkOptions {
  /** Its name below /run/netns; without one the guests' network is the host's own. */
  netns?: string;
  /** Of root, readable by all: files of dnsmasq lie here. */
  folder: string;
  /** What dnsmasq runs as: neither the daemon's user nor a guest's. */
  userId: number;
  log: Log;
  /** Takes the tap of a starting guest out of that guest's own namespace, when it is not in the guests' network yet. */
  takeTap?: (uid: string, tap: string) => Promise<void>;
}

const nothing = object({});
const texts = { dhcpHosts: checkDhcpHosts, names: checkNames };

export function createKernelNetwork({ netns, folder, userId, log, takeTap }: KernelNetworkOptions): NetworkHelper {
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  const namespace = new GuestsNamespace(netns, folder);
  const names = new NameService(namespace, folder, userId);
  const lock = new KeyedLock();
  /** Checks first, then does it when everything before is done. */
  const verb =
    <A, T>(check: (args: unknown, at: string) => A, work: (args: A) => Promise<T>) =>
    (args: unknown): Promise<T> =>
      Promise.resolve().then(() => {
        const checked = check(args, 'args');
        return lock.with('network', () => work(checked));
      });

  return {
    rulesApply: verb(object({ table: checkTable }), async ({ table }) => {
      await namespace.withFile('rules', table, (path) => namespace.run(['nft', '-f', path]));
      log.debug('rules applied', { bytes: table.length });
      return null;
    }),
    rulesRead: verb(object({ terse: optional(flag) }), async ({ terse }) => ({ json: await readRules(namespace, terse === true) })),
    zonesApply: verb(checkZones, async (args) => {
      await applyZones(namespace, args);
      return null;
    }),
    nicUp: verb(checkNicUp, async (nic) => {
      await takeTap?.(nic.uid, nic.tap);
      await setNicUp(namespace, nic);
      return null;
    }),
    nicDown: verb(checkNicDown, async (nic) => {
      await setNicDown(namespace, nic);
      return null;
    }),
    linksRead: verb(nothing, async () => ({ taps: await readTaps(namespace) })),
    dnsmasqStart: verb(object({ config: checkDnsmasqConfig, ...texts }), async (args) => {
      await names.start(args);
      return null;
    }),
    dnsmasqReload: verb(object(texts), async (args) => {
      names.reload(args);
      return null;
    }),
    dnsmasqStop: verb(nothing, async () => {
      await names.stop();
      return null;
    }),
    dnsmasqStatus: verb(nothing, async () => ({ running: names.isRunning() })),
    networkRemove: verb(nothing, async () => {
      await names.stop();
      if (namespace.exists()) await removeAll(namespace);
      rmSync(folder, { recursive: true, force: true });
      mkdirSync(folder, { recursive: true, mode: 0o755 });
      return null;
    }),
  };
}

/** Taps go before the rules: never is a guest reachable without them. */
async function removeAll(namespace: GuestsNamespace): Promise<void> {
  await namespace.change((await readTaps(namespace)).map(({ name }) => `link del dev ${name}`));
  await namespace.change((await readProxies(namespace)).map(({ dst, dev }) => `neigh del proxy ${dst} dev ${dev}`));
  for (const family of [4, 6] as const) {
    await namespace.change(
      [zoneProtocol, guestProtocol].map((protocol) => `route flush proto ${protocol}`),
      family,
    );
  }
  await namespace.withFile('rules', 'add table inet caisson\ndelete table inet caisson\n', (path) => namespace.run(['nft', '-f', path]));
}
