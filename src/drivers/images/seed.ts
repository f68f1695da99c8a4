// The NoCloud seed of a guest: what cloud-init, and our own small reader in images without it, gives the guest at its first boot.
// The YAML is in one plain block shape with JSON strings, because that reader is a shell script. Rendering is pure.
import { writeFile } from 'node:fs/promises';
import { CaissonError } from '../../lib/errors.ts';
import type { SeedNic } from '../../model/seed-nic.ts';
import type { GuestSeed } from '../guest-files.ts';
import { type IsoFile, renderIso } from './iso9660.ts';

/** Writes the seed as an ISO 9660 image labelled `cidata`. The file must not be there yet; that it reaches the disk is its keeper's affair. */
export async function writeSeed(path: string, seed: GuestSeed): Promise<void> {
  await writeFile(path, renderIso('cidata', renderSeed(seed)), { flag: 'wx', mode: 0o640 });
}

/** The files of the seed. Throws `invalid` when a value has a line break: each belongs on one line. */
export function renderSeed(seed: GuestSeed): IsoFile[] {
  const files: [string, string][] = [
    ['meta-data', renderMetaData(seed)],
    ['user-data', seed.userData ?? '#cloud-config\n{}\n'],
    ['network-config', renderNetworkConfig(seed.network)],
  ];
  return files.map(([name, text]) => ({ name, content: Buffer.from(text) }));
}

function renderMetaData(seed: GuestSeed): string {
  const keys = seed.sshKeys.map((key) => `  - ${quote(key)}\n`).join('');
  return `instance-id: ${quote(seed.instanceId)}\nlocal-hostname: ${quote(seed.hostName)}\n${keys ? `public-keys:\n${keys}` : ''}`;
}

function renderNetworkConfig(nics: readonly SeedNic[]): string {
  if (nics.length === 0) return 'version: 2\nethernets: {}\n';
  return `version: 2\nethernets:\n${nics.map(renderNic).join('')}`;
}

function renderNic(nic: SeedNic, index: number): string {
  const list = (values: readonly string[], indent: string) => values.map((value) => `${indent}- ${quote(value)}\n`).join('');
  let text = `  nic${index}:\n    match:\n      macaddress: ${quote(nic.mac)}\n    dhcp4: ${nic.dhcp4}\n    accept-ra: ${nic.acceptRa}\n`;
  if (nic.addresses.length > 0) text += `    addresses:\n${list(nic.addresses, '      ')}`;
  if (nic.routes.length > 0) {
    text += '    routes:\n';
    for (const route of nic.routes) {
      text += `      - to: ${quote(route.to)}\n${route.via === undefined ? '        scope: link\n' : `        via: ${quote(route.via)}\n`}`;
      text += `${route.onLink ? '        on-link: true\n' : ''}${route.table === undefined ? '' : `        table: ${route.table}\n`}`;
    }
  }
  if (nic.rules.length > 0) {
    text += '    routing-policy:\n';
    for (const rule of nic.rules) text += `      - from: ${quote(rule.from)}\n        table: ${rule.table}\n`;
  }
  if (nic.nameServers.length > 0 || nic.searchDomains.length > 0) {
    text += '    nameservers:\n';
    if (nic.searchDomains.length > 0) text += `      search:\n${list(nic.searchDomains, '        ')}`;
    if (nic.nameServers.length > 0) text += `      addresses:\n${list(nic.nameServers, '        ')}`;
  }
  return text;
}

/** A JSON string, which is YAML too. */
function quote(value: string): string {
  // eslint-disable-next-line no-control-regex
  if (/[\0-\x1f\x7f\u2028\u2029]/.test(value))
    throw new CaissonError('invalid', `a seed's value has a line break or control character: ${JSON.stringify(value)}`);
  return JSON.stringify(value);
}
