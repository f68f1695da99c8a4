// The site file as text in the page, by the same reader and writer as the command line’s: one spelling, the same errors at their places.
// Everything here is loaded only with the pages that edit.
// oxlint-disable-next-line import/no-unassigned-import
import './no-eval.ts';
import { renderSiteFile } from '../model/render-site-file.ts';
import { parseSiteFile, type SiteFileProblem } from '../model/site-file.ts';
import type { Site } from '../model/site.ts';

export type ReadSite = { site: Site } | { problems: SiteFileProblem[] };

const encoder = new TextEncoder();

export function writeSite(site: Site): string {
  return renderSiteFile(site);
}

/** Files beside the site file are not to be had here; what is meant by them says so at its place. */
export function readSite(text: string): ReadSite {
  return parseSiteFile(encoder.encode(text), () => undefined);
}

const indent = '  ';

/** One guest as the site file has it: its name, and below it its fields. */
export function writeGuest(site: Site, name: string): string {
  const spec = site.guests[name];
  if (!spec) return '';
  const lines = renderSiteFile({ ...site, zones: {}, flows: [], images: {}, guests: { [name]: spec } }).split('\n');
  return lines
    .slice(lines.indexOf('guests:') + 1)
    .map((line) => (line.startsWith(indent) ? line.slice(indent.length) : line))
    .join('\n');
}

/**
 * The site with one guest as `text` says it, which begins with its name. `instead` is the guest that it takes the place of; without it the
 * name must be a new one. Problems are at the lines of `text`.
 */
export function readGuest(site: Site, text: string, instead: string | undefined): ReadSite {
  const name = /^([a-z][a-z0-9-]*):/m.exec(text)?.[1];
  const problem = (message: string): ReadSite => ({ problems: [{ line: 1, column: 1, message }] });
  if (name === undefined)
    return problem('the first line is the guest’s name and a colon, for example “web:”; its fields stand below, indented');
  if (instead !== undefined && name !== instead)
    return problem(
      `this is guest “${instead}”: a guest gets another name by “caisson guest rename ${instead} ${name}”, and keeps its disks`,
    );
  if (instead === undefined && Object.hasOwn(site.guests, name))
    return problem(`there is a guest “${name}” already: take another name, or edit that guest`);
  const others = Object.fromEntries(Object.entries(site.guests).filter(([other]) => other !== name));
  const before = renderSiteFile({ ...site, guests: others })
    .trimEnd()
    .split('\n');
  const head = Object.keys(others).length === 0 ? [...before.filter((line) => line !== 'guests: {}'), 'guests:'] : before;
  const own = text.split('\n').map((line) => (line === '' ? line : indent + line));
  const read = readSite(`${[...head, ...own].join('\n')}\n`);
  if (!('problems' in read)) return read;
  return {
    problems: read.problems.map(({ line, column, message }) => ({
      line: Math.max(1, line - head.length),
      column: Math.max(1, column - indent.length),
      message,
    })),
  };
}

/** What a new guest begins as: all that has to be said, and what most have. */
export function guestTemplate(site: Site): string {
  const zone = Object.keys(site.zones)[0] ?? 'internal';
  let name = 'new-guest';
  for (let number = 2; Object.hasOwn(site.guests, name); number++) name = `new-guest-${number}`;
  return `${name}:
  image: debian-12
  zone: ${zone}
  memory: 512MiB
  disks:
    root: 8GiB
  service:
    ports: [tcp/80]
    ready: { tcp: 80 }
`;
}
