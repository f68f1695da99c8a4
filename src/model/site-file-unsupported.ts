// Wishes that a later version will understand: refused by their name, never ignored, and taken out so that nobody refuses them again.
import type { DocumentPath } from './site-sketch.ts';
import { flowUnsupported } from './flow.ts';
import { guestUnsupported } from './guest.ts';
import { entriesOf, isRecord } from './plain-record.ts';
import { reported } from './site-file-yaml.ts';
import { siteUnsupported } from './site.ts';
import { zoneUnsupported } from './zone.ts';

type Report = (path: DocumentPath, side: 'key' | 'value', message: string) => void;

/** Works in place on the document as read. */
export function refuseUnsupported(document: unknown, report: Report): void {
  refuseKeys(document, siteUnsupported, [], report);
  for (const [name, zone] of entriesOf(document, 'zones')) refuseKeys(zone, zoneUnsupported, ['zones', name], report);
  for (const [name, guest] of entriesOf(document, 'guests')) {
    refuseKeys(guest, guestUnsupported, ['guests', name], report);
    if (!isRecord(guest)) continue;
    if (guest['firmware'] === 'uefi-secure') {
      report(['guests', name, 'firmware'], 'value', '“uefi-secure” is not supported by this version: use bios or uefi');
      guest['firmware'] = reported;
    }
  }
  const flows = isRecord(document) ? document['flows'] : undefined;
  if (!Array.isArray(flows)) return;
  for (const [index, flow] of flows.entries()) {
    refuseKeys(flow, flowUnsupported, ['flows', index], report);
    if (!isRecord(flow)) continue;
    for (const side of ['from', 'to']) {
      if (flow[side] !== 'host') continue;
      report(['flows', index, side], 'value', 'a flow from or to the host is not supported by this version');
      flow[side] = reported;
    }
  }
}

function refuseKeys(holder: unknown, keys: readonly string[], path: DocumentPath, report: Report): void {
  if (!isRecord(holder)) return;
  for (const key of keys) {
    if (!Object.hasOwn(holder, key)) continue;
    report([...path, key], 'key', `“${key}” is not supported by this version`);
    delete holder[key];
  }
}
