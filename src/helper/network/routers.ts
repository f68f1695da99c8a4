// Whether the routers of uplinks answer on their wires. The kernel is made to ask for their MAC as it does before it sends them something, and
// tells at the next look whether anybody answered: it keeps asking no longer than three seconds.
import type { GuestsNamespace } from './guests-namespace.ts';
import type { Link } from './links.ts';

export interface Router {
  interface: string;
  address: string;
}

const unanswered = ['FAILED', 'INCOMPLETE'];
/** Somebody has said what its MAC is: it need not be asked, and what was said stays. */
const fixed = ['PERMANENT', 'NOARP'];

/** Those that have not answered since they were asked last, at least three seconds ago; all are asked again. */
export async function askRouters(namespace: GuestsNamespace, routers: readonly Router[]): Promise<Router[]> {
  const links = await namespace.read<Link>(['link', 'show', 'up']);
  const isUp = (name: string) => links.some(({ ifname }) => ifname === name);
  // Without its own loopback a network takes every address for everybody's.
  const asked = isUp('lo') ? routers.filter((router) => isUp(router.interface)) : [];
  if (asked.length === 0) return [];
  const devices = [...new Set(asked.map((router) => router.interface))];
  const answers = await namespace.readAll(devices.map((device) => `neigh show dev ${device}`));
  const neighbours = devices.flatMap((device, index) =>
    (answers[index] as { dst: string; state?: string[] }[]).map((one) => ({ ...one, device })),
  );
  const isOneOf = (router: Router, states: readonly string[]) =>
    neighbours
      .find(({ dst, device }) => dst === router.address && device === router.interface)
      ?.state?.some((state) => states.includes(state)) === true;
  const open = asked.filter((router) => !isOneOf(router, fixed));
  // An interface without IPv6 has nobody to ask.
  await namespace.tryToChange(open.map((router) => `neigh replace ${router.address} dev ${router.interface} use nud none`));
  return open.filter((router) => isOneOf(router, unanswered));
}
