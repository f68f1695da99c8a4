// A site of one tiny guest, which is ready once its agent answers.
import { parseSiteFile } from '../src/model/site-file.ts';
import type { Site } from '../src/model/site.ts';

export const memoryMib = 96;

export function tinySite(image: string): Site {
  const text = `
version: 1
site: bench
zones:
  one: { subnets: [10.77.1.0/24] }
images: { tiny: { file: ${image} } }
guests:
  tiny:
    image: tiny
    zone: one
    addresses: [10.77.1.10]
    memory: ${memoryMib}MiB
    disks: { root: 64MiB }
    display: none
    service: { ready: { agent: true } }
`;
  const parsed = parseSiteFile(text, () => undefined);
  if ('problems' in parsed) throw new Error(JSON.stringify(parsed.problems));
  return parsed.site;
}
