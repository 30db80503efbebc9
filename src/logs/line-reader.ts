import { backupForms } from './backup-forms.ts';
import { benchmarkForms } from './benchmark-forms.ts';
import { cleanLine } from './clean-line.ts';
import type { LineForm, Reading } from './reading.ts';
import { restoreForms } from './restore-forms.ts';

const forms: readonly LineForm[] = [...restoreForms, ...backupForms, ...benchmarkForms];

/** Lines that one printed line can have become: mail programs break at 72 columns, and JSON is also printed in lines. */
const MAX_PARTS = 4;

interface NumberedLine {
  readonly text: string;
  readonly number: number;
}

/**
 * Finds the lines of known programs among others, whatever stands before them (time, host, level, quotation marks), and
 * put together again where they were broken: at a blank, or, by a terminal, anywhere.
 */
export class LineReader {
  readonly #onReading: (reading: Reading, line: number) => void;
  readonly #window: NumberedLine[] = [];

  constructor(onReading: (reading: Reading, line: number) => void) {
    this.#onReading = onReading;
  }

  push(line: string, number: number): void {
    const text = cleanLine(line);
    if (text === '') return;
    this.#window.push({ text, number });
    if (this.#window.length === MAX_PARTS) this.#readFirst();
  }

  end(): void {
    while (this.#window.length > 0) this.#readFirst();
  }

  #readFirst(): void {
    const [first] = this.#window;
    if (first !== undefined) {
      for (const form of forms) {
        if (!form.hint.test(first.text)) continue;
        for (const reading of readForm(form, this.#window)) this.#onReading(reading, first.number);
      }
    }
    this.#window.shift();
  }
}

function readForm(form: LineForm, [first, ...others]: readonly NumberedLine[]): readonly Reading[] {
  if (first === undefined) return [];
  const whole = [...first.text.matchAll(form.pattern)];
  if (whole.length > 0) return whole.flatMap(({ groups = {} }) => form.read(groups) ?? []);
  for (const separator of [' ', '']) {
    let joined = first.text;
    for (const { text } of others) {
      joined += separator + (separator === '' ? text : text.trimStart());
      const [match] = joined.matchAll(form.pattern);
      // What begins further down is read when its own line is the first.
      if (match !== undefined && match.index < first.text.length) {
        const reading = form.read(match.groups ?? {});
        return reading === undefined ? [] : [reading];
      }
    }
  }
  return [];
}
