/** A table of finished text, which each format draws in its own way. The first column names the row. */
export interface Table {
  readonly title: string;
  /** One sentence on how to read it. */
  readonly note?: string;
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly string[])[];
}

export interface Column {
  readonly name: string;
  readonly align: 'left' | 'right';
}

export function textColumn(name: string): Column {
  return { name, align: 'left' };
}

export function numberColumn(name: string): Column {
  return { name, align: 'right' };
}
