// What a limit for each address counts by. Pure.
import { formatCidr, surroundingCidr } from '../model/address.ts';

/** Of IPv6 the network: one machine has as many addresses in it as it likes. */
export function limitKeyOf(address: string): string {
  const network = address.includes(':') ? surroundingCidr(`${address}/64`) : undefined;
  return network ? formatCidr(network) : address;
}
