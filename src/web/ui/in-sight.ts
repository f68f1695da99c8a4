/** Of one in a row that is wider than the screen: it is brought into sight, and nothing else moves. */
export function inSight(element: HTMLElement | null): void {
  const row = element?.closest<HTMLElement>('nav');
  if (!element || !row) return;
  const [at, of] = [element.getBoundingClientRect(), row.getBoundingClientRect()];
  if (at.left < of.left || at.right > of.right) row.scrollLeft += at.left - of.left - (of.width - at.width) / 2;
}
