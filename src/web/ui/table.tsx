// A table of the page: wider than a telephone, so that it scrolls by itself, by the keyboard too.
import type { ComponentChildren } from 'preact';

interface TableColumn {
  name: string;
  /** `on-desk`: left out where there is little room; `number`: figures, on the right; `unnamed`: its name is for who hears it. */
  kind?: 'on-desk' | 'number' | 'unnamed';
}

export function Table({
  label,
  columns,
  children,
}: {
  label: string;
  columns: readonly (TableColumn | false)[];
  children: ComponentChildren;
}) {
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={label}>
      <table>
        <thead>
          <tr>
            {columns.map(
              (column) =>
                column && (
                  <th key={column.name} scope="col" class={column.kind === 'unnamed' ? undefined : column.kind}>
                    {column.kind === 'unnamed' ? <span class="hidden">{column.name}</span> : column.name}
                  </th>
                ),
            )}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  );
}
