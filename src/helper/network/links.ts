// The interfaces of the guests' network, as `ip` tells them.
import type { GuestsNamespace } from './guests-namespace.ts';

export interface Link {
  ifname: string;
  flags: string[];
  address?: string;
  master?: string;
  ifalias?: string;
  linkinfo?: { info_kind?: string };
}

export interface LinkAddress {
  ifname: string;
  address?: string;
  addr_info: { local: string; prefixlen: number; family: 'inet' | 'inet6'; scope: string }[];
}

/** What we made ourselves and take away again is marked so. */
export const ourAlias = 'caisson';

export function readLinks(namespace: Pick<GuestsNamespace, 'read'>): Promise<Link[]> {
  return namespace.read<Link>(['-d', 'link', 'show']);
}

export async function readAddresses(namespace: Pick<GuestsNamespace, 'read'>, device?: string): Promise<LinkAddress[]> {
  const all = await namespace.read<Partial<LinkAddress>>(['address', 'show', ...(device === undefined ? [] : ['dev', device])]);
  return all.filter((link): link is LinkAddress => link.ifname !== undefined && link.addr_info !== undefined);
}
