// The kernel side of the guests' network: the network's verbs of the helper. Every argument is checked here again; changes are made one at
// a time.
import { mkdirSync, rmSync } from 'node:fs';
import { CaissonError } from '../../lib/errors.ts';
import { KeyedLock } from '../../lib/keyed-lock.ts';
import type { Log } from '../../lib/log.ts';
import type { NetworkChange, NetworkHelper } from '../../model/network-helper.ts';
import { type Check, flag, object, optional } from '../check.ts';
import type { RunInGuestsNetwork } from '../take-tap.ts';
import { announce } from './announce.ts';
import { NetworkClaim } from './claim.ts';
import {
  checkDhcpHosts,
  checkDnsmasqConfig,
  checkNames,
  checkNicDown,
  checkNicUp,
  checkRouters,
  checkRules,
  checkWiring,
  checkZones,
} from './check-network.ts';
import { GuestsNamespace } from './guests-namespace.ts';
import { KernelWatch } from './kernel-watch.ts';
import { NameService } from './names.ts';
import { checkWiringOf } from './check-wiring.ts';
import { readTaps, setNicDown, setNicUp } from './nics.ts';
import { askRouters } from './routers.ts';
import { removeRoutes } from './routes.ts';
import { removeMadeLinks } from './made-links.ts';
import { checkNft, families, readRules, readRulesTerse } from './rules.ts';
import { applyZones, checkHost, readProxies } from './zones.ts';

export interface KernelNetworkOptions {
  /** Its name below /run/netns; without one the guests' network is the host's own. */
  netns?: string;
  /** Of root, readable by all: files of dnsmasq lie here. */
  folder: string;
  /** What dnsmasq runs as: neither the daemon's user nor a guest's. */
  userId: number;
  log: Log;
  /** Whose network it is, among the data directories of this machine: `folder` is the same for all. Absent: nobody else can be there. */
  claim?: { folder: string; owner: string };
  /** Told when somebody else changes rules, and when a tap changes. */
  onChange?: (change: NetworkChange) => void;
  /** Takes the tap of a starting guest out of that guest's own namespace; false when it is in the guests' network already. */
  takeTap?: (uid: string, tap: string, run: RunInGuestsNetwork) => Promise<boolean>;
}

const nothing = object({});
const texts = { dhcpHosts: checkDhcpHosts, names: checkNames };

export function createKernelNetwork({
  netns,
  folder,
  userId,
  log,
  claim: claimed,
  onChange = () => undefined,
  takeTap,
}: KernelNetworkOptions): NetworkHelper {
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  const namespace = new GuestsNamespace(netns, folder);
  const names = new NameService(namespace, folder, userId);
  const watch = new KernelWatch({ namespace, log, onChange });
  const lock = new KeyedLock();
  const claim =
    claimed &&
    new NetworkClaim({
      ...claimed,
      namespacePath: netns === undefined ? '/proc/self/ns/net' : `/run/netns/${netns}`,
      hasTaps: async () => (await readTaps(namespace)).length > 0,
    });
  /** Checks first, then reads: what is being changed meanwhile is the caller's to know. */
  const reading =
    <A, T>(check: Check<A>, read: (args: A) => Promise<T>) =>
    async (args: unknown): Promise<T> =>
      read(check(args, 'args'));
  /** Checks first, then changes when every change before is done, and nothing in a network that is another's. */
  const changing =
    <A>(check: Check<A>, change: (args: A) => Promise<void> | void) =>
    async (args: unknown): Promise<null> => {
      const checked = check(args, 'args');
      await lock.with('network', async () => {
        await claim?.take();
        await change(checked);
      });
      return null;
    };

  return {
    rulesApply: changing(checkRules, async (rules) => {
      const text = 'table' in rules ? rules.table : rules.change;
      await checkNft(namespace);
      const options = { onSpawn: (pid: number) => watch.own(pid) };
      // Whole tables take their time; a change takes less than a program that is started from here.
      await namespace.withFile('rules', text, (path) =>
        'table' in rules ? namespace.runBeside(['nft', '-f', path], options) : namespace.run(['nft', '-f', path], options),
      );
      log.debug('rules applied', { bytes: text.length });
    }),
    rulesRead: reading(object({ terse: optional(flag) }), async ({ terse }) =>
      terse ? readRulesTerse(namespace) : { json: await readRules(namespace) },
    ),
    zonesCheck: changing(checkZones, async ({ zones }) => {
      await checkNft(namespace);
      await checkHost(namespace, zones);
    }),
    zonesApply: changing(checkZones, async (args) => {
      await applyZones(namespace, args);
      watch.ownNeighbours();
    }),
    nicUp: changing(checkNicUp, async (nic) => {
      const isFresh = (await takeTap?.(nic.uid, nic.tap, (argv, options) => namespace.run(argv, options))) ?? false;
      watch.ownTap(nic.tap, nic.bridge === undefined ? 'alone' : 'port');
      await setNicUp(namespace, nic, isFresh);
      watch.ownNeighbours();
      const { uplink } = nic;
      if (uplink === undefined) return;
      const claims = nic.guestAddresses.map((address) => ({ interface: uplink, address }));
      // The nic is up whether or not the wire has been told.
      announce(namespace, claims).catch((error: unknown) => log.warn('an uplink’s wire was not told of a guest’s addresses', { error }));
    }),
    nicDown: changing(checkNicDown, async (nic) => {
      watch.ownTap(nic.tap, 'gone');
      await setNicDown(namespace, nic);
      watch.ownNeighbours();
    }),
    changesWatch: reading(nothing, async () => {
      await watch.start();
      if (!watch.listens) throw new CaissonError('failed', 'the kernel cannot be heard: perl or its netlink sockets are missing');
      return null;
    }),
    // Not while something is being changed: half of it would seem to be missing.
    wiringCheck: reading(checkWiring, (wanted) => lock.with('network', async () => ({ missing: await checkWiringOf(namespace, wanted) }))),
    routersAsk: reading(checkRouters, async ({ routers }) => ({ silent: await askRouters(namespace, routers) })),
    linksRead: reading(nothing, async () => ({ taps: await readTaps(namespace) })),
    dnsmasqStart: changing(object({ config: checkDnsmasqConfig, ...texts }), (args) => names.start(args)),
    dnsmasqReload: changing(object(texts), (args) => names.reload(args)),
    dnsmasqStop: changing(nothing, () => names.stop()),
    dnsmasqStatus: reading(nothing, async () => ({ running: names.isRunning() })),
    networkRemove: reading(nothing, () =>
      lock.with('network', async () => {
        watch.stop();
        await names.stop();
        if (namespace.exists() && (await isOurs(claim))) await removeAll(namespace);
        namespace.close();
        rmSync(folder, { recursive: true, force: true });
        mkdirSync(folder, { recursive: true, mode: 0o755 });
        claim?.release();
        return null;
      }),
    ),
  };
}

async function isOurs(claim: NetworkClaim | undefined): Promise<boolean> {
  try {
    await claim?.take();
    return true;
  } catch (error) {
    if (error instanceof CaissonError && error.code === 'conflict') return false;
    throw error;
  }
}

/** Taps go before the rules: never is a guest reachable without them. */
async function removeAll(namespace: GuestsNamespace): Promise<void> {
  await namespace.change((await readTaps(namespace)).map(({ name }) => `link del dev ${name}`));
  await namespace.change((await readProxies(namespace)).map(({ dst, dev }) => `neigh del proxy ${dst} dev ${dev}`));
  await removeMadeLinks(namespace);
  await removeRoutes(namespace);
  const gone = families.map((family) => `add table ${family} caisson\ndelete table ${family} caisson\n`).join('');
  await namespace.withFile('rules', gone, (path) => namespace.run(['nft', '-f', path]));
}
