/** A piece of evidence: the first cell of each row names it. */
export interface AuditTable {
  caption: string;
  columns: string[];
  rows: string[][];
}

/** In a cell: nothing. */
export const nothing = '–';
