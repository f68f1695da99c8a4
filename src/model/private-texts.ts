// Texts in which people keep passwords: what a guest is told at its first boot, and files that an image is made with. Who may change them reads them,
// who may only look does not. Pure.
import type { Guest } from './guest-status.ts';
import type { Site } from './site.ts';

export function withoutPrivateTexts(guest: Guest): Guest {
  if (guest.spec.userData === undefined) return guest;
  const { userData: _, ...spec } = guest.spec;
  return { ...guest, spec };
}

/** Files keep their names. */
export function siteWithoutPrivateTexts(site: Site): Site {
  const guests = Object.entries(site.guests).map(([name, guest]): [string, Site['guests'][string]] => {
    const { userData: _, ...spec } = guest;
    return [name, spec];
  });
  const images = Object.entries(site.images).map(([name, image]): [string, Site['images'][string]] => {
    if (!('files' in image)) return [name, image];
    const files = Object.entries(image.files).map(([path, { mode }]): [string, { text: string; mode: string }] => [
      path,
      { text: '', mode },
    ]);
    return [name, { ...image, files: Object.fromEntries(files) }];
  });
  return { ...site, guests: Object.fromEntries(guests), images: Object.fromEntries(images) };
}
