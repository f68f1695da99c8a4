// Wishes that a later version will understand: refused by their name, never ignored, and taken out so that nobody refuses them again.
import type { DocumentPath } from './site-sketch.ts';
import { guestUnsupported } from './guest.ts';
import { entriesOf, isRecord } from './plain-record.ts';
import { reported } from './site-file-yaml.ts';
import { siteUnsupported } from './site.ts';

type Report = (path: DocumentPath, side: 'key' | 'value', message: string) => void;

/** Works in place on the document as read. */
export function refuseUnsupported(document: unknown, report: Report): void {
  refuseKeys(document, siteUnsupported, [], report);
  for (const [name, guest] of entriesOf(document, 'guests')) {
    refuseKeys(guest, guestUnsupported, ['guests', name], report);
    if (!isRecord(guest)) continue;
    if (guest['firmware'] === 'uefi-secure') {
      report(['guests', name, 'firmware'], 'value', '“uefi-secure” is not supported by this version: use bios or uefi');
      guest['firmware'] = reported;
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
