// The demo's outside: a network namespace for the guests and a veth pair as the uplink to the user's machine, which plays the
// world and its router.
//
// The demo's addresses are documentation ones, and yet a machine may have them as its own network (virtual machines in clouds do).
// That network must go on working, and the guests must still be reached. So beside it this machine takes an address
// elsewhere, guests are reached by a route for each address, which is more specific than any network, and the guests' namespace is
// told who the router is instead of asking. Nothing that comes from the guests is ever forwarded into the user's network.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { CaissonError } from '../../src/lib/errors.ts';
import { run } from '../../src/lib/exec.ts';
import { demo, type World } from './place.ts';

const namespacePath = `/run/netns/${demo.netns}`;
const worldPath = `/sys/class/net/${demo.worldLink}`;

/** Throws `conflict` when somebody else's demo has this machine's end of the uplink: one in a container that shares our network. */
export function refuseForeignUplink(): void {
  if (!existsSync(worldPath) || existsSync(namespacePath)) return;
  throw new CaissonError(
    'conflict',
    `the interface ${demo.worldLink} exists and its other end is nowhere to be seen: is a demo running in a container beside? Leave that one first, or remove it with: ip link delete ${demo.worldLink}`,
  );
}

/** Makes what is missing of it; idempotent. */
export async function makeDemoNetwork(): Promise<void> {
  if (!existsSync(namespacePath)) await run(['ip', 'netns', 'add', demo.netns]);
  if (!existsSync(worldPath)) {
    await run(['ip', 'link', 'add', demo.worldLink, 'type', 'veth', 'peer', 'name', demo.uplink, 'netns', demo.netns]);
  }
  await run(['ip', '-n', demo.netns, 'link', 'set', 'lo', 'up']);
  await run(['ip', '-n', demo.netns, 'link', 'set', demo.uplink, 'up']);
  await run(['ip', 'link', 'set', demo.worldLink, 'up']);
  for (const family of ['ipv4', 'ipv6']) {
    const forwarding = `/proc/sys/net/${family}/conf/${demo.worldLink}/forwarding`;
    if (existsSync(forwarding)) writeFileSync(forwarding, '0');
  }
  const mac = readFileSync(`${worldPath}/address`, 'utf8').trim();
  for (const world of demo.worlds) {
    const address = (await isSubnetTaken(world))
      ? `${world.elsewhere}/${lengthOf(world.elsewhere)}`
      : `${world.router}/${world.subnetLength}`;
    // Without duplicate address detection: nobody else is on the wire, and the address works at once.
    const noDetection = address.includes(':') ? ['nodad'] : [];
    await run(['ip', 'address', 'replace', address, 'dev', demo.worldLink, ...noDetection]);
    await run(['ip', '-n', demo.netns, 'neighbour', 'replace', world.router, 'lladdr', mac, 'dev', demo.uplink, 'nud', 'permanent']);
  }
}

/** Whether this machine has another way into the external zone's subnet than its default route. */
async function isSubnetTaken({ sample }: World): Promise<boolean> {
  const family = sample.includes(':') ? '-6' : '-4';
  const { stdout } = await run(['ip', '-j', family, 'route', 'show', 'match', sample]);
  const routes = JSON.parse(stdout === '' ? '[]' : stdout) as { dst: string; dev?: string }[];
  return routes.some(({ dst, dev }) => dst !== 'default' && dev !== demo.worldLink);
}

function lengthOf(address: string): number {
  return address.includes(':') ? 128 : 32;
}

/**
 * Routes each address of a guest over the uplink. Guests that no router would lead to (of zones without uplink) are
 * reached for too, as somebody on the wire could: it is the filter that has to refuse it.
 */
export async function routeGuests(guests: readonly { addresses: readonly string[]; hasUplink: boolean }[]): Promise<void> {
  const { stdout } = await run(['ip', '-n', demo.netns, '-j', 'link', 'show', 'dev', demo.uplink]);
  const [uplink] = JSON.parse(stdout) as { address: string }[];
  for (const { addresses, hasUplink } of guests) {
    for (const address of addresses) {
      await run(['ip', 'route', 'replace', `${address}/${lengthOf(address)}`, 'dev', demo.worldLink]);
      if (hasUplink) continue;
      await run(['ip', 'neighbour', 'replace', address, 'lladdr', uplink?.address ?? '', 'dev', demo.worldLink, 'nud', 'permanent']);
    }
  }
}

/** Takes it away, and the routes with it; well when it is not there. */
export async function removeDemoNetwork(): Promise<void> {
  if (existsSync(worldPath)) await run(['ip', 'link', 'delete', demo.worldLink]);
  if (!existsSync(namespacePath)) return;
  await run(['ip', 'netns', 'delete', demo.netns]);
  // The first namespace since the boot made this mount; without one nobody needs it, and `ip` makes it anew.
  const folder = dirname(namespacePath);
  if (readdirSync(folder).length === 0) await run(['umount', folder], { okCodes: [0, 1, 32] });
}
