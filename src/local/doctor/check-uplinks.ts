// The uplinks that the site's zones need: there, nobody else's, with what guests that leave with the host's address need, IPv6 on, and a cable in.
// Asked in the same words as before every change of the network; without a site there is nothing to ask.
import { checkUplinks } from '../../helper/network/check-uplinks.ts';
import { readLinks } from '../../helper/network/links.ts';
import type { GuestsNamespace } from '../../helper/network/guests-namespace.ts';
import { describeError } from '../../lib/errors.ts';
import type { ZonesArgs } from '../../model/network-helper.ts';
import { uplinkDevice } from '../../model/network-state.ts';
import type { Zone } from '../../model/zone.ts';
import { bad, type Check, type Finding, ok, warning } from './check.ts';
import type { DoctorHost } from './host.ts';

/** What a site asks of the host's network. */
export interface WishedNetwork {
  zones: Readonly<Record<string, Pick<Zone, 'subnets' | 'uplink' | 'masquerade'>>>;
  /** Network namespace of the guests; absent: the host's own. */
  netns?: string;
}

/** `wished`: undefined where there is no site, or nobody may read it. */
export function uplinks(wished: () => Promise<WishedNetwork | undefined>): Check {
  return {
    name: 'uplinks',
    async run(host) {
      const wish = await wished();
      return wish ? checkWish(host, wish) : ok('no site yet that would need one');
    },
  };
}

async function checkWish(host: DoctorHost, { zones, netns }: WishedNetwork): Promise<Finding> {
  const needed = Object.entries(zones).filter(([, zone]) => zone.uplink);
  if (needed.length === 0) return ok('the site needs none');
  const where = netns === undefined ? '' : ` (in the namespace ${netns})`;
  if (netns !== undefined && !(await host.exists(`/run/netns/${netns}`)))
    return warning(
      `the namespace ${netns} is not there`,
      'The site’s uplinks are looked for in the guests’ network.',
      `start the daemon, which makes it, or ip netns add ${netns}`,
    );
  const place = placeOf(host, netns);
  const links = await readLinks(place);
  const wrong: string[] = [];
  const doubtful: string[] = [];
  for (const [name, zone] of needed) {
    try {
      await checkUplinks(place, [zoneArgs(zone)], links);
    } catch (error) {
      wrong.push(`zone ${name}: ${describeError(error)}`);
      continue;
    }
    const link = links.find(({ ifname }) => ifname === zone.uplink?.interface);
    if (link && !link.flags.includes('UP')) doubtful.push(`${link.ifname} of zone ${name} is down`);
    else if (link && !link.flags.includes('LOWER_UP')) doubtful.push(`${link.ifname} of zone ${name} has no carrier`);
  }
  const explanation = `By these the site’s guests reach the world, and the world them${where}.`;
  if (wrong.length > 0)
    return bad(
      wrong.join('; '),
      `${explanation} Until then the guests’ network cannot be made, and no guest starts.`,
      'do what is said there',
    );
  if (doubtful.length > 0)
    return warning(doubtful.join('; '), explanation, 'look at the cable and the switch; the daemon sets an interface up that is down');
  return ok(`${[...new Set(needed.map(([, { uplink }]) => uplink?.interface))].join(', ')}${where}`);
}

function zoneArgs({ subnets, uplink, masquerade }: WishedNetwork['zones'][string]): ZonesArgs['zones'][number] {
  if (!uplink) return { subnets };
  const { vlan, gateway, gateway6 } = uplink;
  const device = uplinkDevice({ interface: uplink.interface, ...(vlan !== undefined && { vlan }) });
  return {
    subnets,
    uplink: {
      interface: device,
      ...(vlan !== undefined && { vlan, parent: uplink.interface }),
      ...(gateway !== undefined && { gateway }),
      ...(gateway6 !== undefined && { gateway6 }),
    },
    ...(masquerade && { masquerade }),
  };
}

/** The guests' network as the doctor may ask it. */
export function placeOf(host: DoctorHost, netns: string | undefined): Pick<GuestsNamespace, 'isOwn' | 'run' | 'read'> {
  return {
    isOwn: netns !== undefined,
    run: (argv, options) => host.run(netns === undefined ? argv : ['nsenter', `--net=/run/netns/${netns}`, '--', ...argv], options),
    async read<T>(args: string[]): Promise<T[]> {
      const { stdout } = await host.run(['ip', ...(netns === undefined ? [] : ['-n', netns]), '-j', ...args]);
      return stdout.trim() === '' ? [] : (JSON.parse(stdout) as T[]);
    },
  };
}
