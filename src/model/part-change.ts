// What became of a part of a wish between two versions of it: how who was overtaken is told by what.

export interface PartChange {
  /** `guest web`, `its memoryMib`, `the site itself`, `flow list`. */
  part: string;
  change: 'added' | 'removed' | 'changed';
}
