// Which pages there are for somebody: those whose questions they may ask.
import type { Me } from '../../model/me.ts';
import type { Permission } from '../../model/rights.ts';
import { type ListedPage, pages } from '../route.ts';

const needs: Partial<Record<ListedPage, Permission>> = { audit: 'audit', log: 'audit', accounts: 'audit', host: 'view', site: 'view' };

export function pagesFor({ site }: Pick<Me, 'site'>): ListedPage[] {
  return pages.filter((page) => {
    const permission = needs[page];
    return permission === undefined || site.includes(permission);
  });
}
