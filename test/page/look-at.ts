// A place of the page, looked at: in both themes, on a telephone or on a desk, in one language. Pictures of it are left in artefacts/page/, with what one would
// scroll to; what is wrong with it is told. Themes differ by colours alone, so that what axe finds in one it finds in the other, but for its rules about colours.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import axe from 'axe-core';
import { projectRoot } from '../../scripts/project.ts';
import { type Look, type OpenPage, openPage, type PageLab } from './page-fixture.ts';

const pictures = join(projectRoot, 'artefacts/page');
/** Of a picture: more is not looked at by anybody. */
const tallest = 3000;
const themes = ['light', 'dark'] as const;
const rules = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
const rulesOfColours = ['color-contrast', 'link-in-text-block'];

export type Viewport = Required<Omit<Look, 'theme'>>;

interface Violation {
  id: string;
  help: string;
  nodes: { html: string; target: string[] }[];
}

export function picturePath(name: string): string {
  mkdirSync(pictures, { recursive: true });
  return join(pictures, `${name}.png`);
}

/** The page, ready to be looked at by `lookAt`. */
export async function openToLookAt(lab: PageLab, viewport: Viewport, as: Parameters<typeof openPage>[2]): Promise<OpenPage> {
  const opened = await openPage(lab, viewport, as);
  await opened.page.evaluate(axe.source);
  return opened;
}

/** What is wrong with where the page is now, in either theme. */
export async function lookAt({ page }: OpenPage, place: string, { language, width, height }: Viewport): Promise<string[]> {
  const wrong: string[] = [];
  const below = await page.evaluate<number>(
    `(({ scrollHeight, clientHeight }) => scrollHeight - clientHeight)(document.querySelector('main'))`,
  );
  for (const theme of themes) {
    await page.emulateMedia({ colorScheme: theme });
    if (below > 0) await page.setViewportSize({ width, height: Math.min(height + below, tallest) });
    await page.screenshot({ path: picturePath(`${place}-${width}-${theme}-${language}`) });
    if (below > 0) await page.setViewportSize({ width, height });
    const what = theme === themes[0] ? { type: 'tag', values: rules } : { type: 'rule', values: rulesOfColours };
    const violations = await page.evaluate<Violation[]>(
      `axe.run(document, { runOnly: ${JSON.stringify(what)}, resultTypes: ['violations'] }).then(({ violations }) => violations)`,
    );
    for (const { id, help, nodes } of violations) wrong.push(`${place}, ${theme}: ${id}: ${help}: ${nodes[0]?.html}`);
  }
  const wide = await page.evaluate<number>(
    `Math.max(...[document.documentElement, document.querySelector('main')].map(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth))`,
  );
  if (wide > 0) wrong.push(`${place}: ${wide} px wider than the screen`);
  return wrong;
}

/** What is said in English where the page is French. */
export function englishOf({ page }: OpenPage): Promise<string[]> {
  return page.evaluate<string[]>(`[...document.querySelectorAll('[lang=en]:not(button)')].map((element) => element.textContent)`);
}
