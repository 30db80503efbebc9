import { displayWidth } from './display-width.ts';

/** Breaks a sentence at blanks so that each line needs at most `cells`; lines after the first are indented by two. */
export function wrapText(text: string, cells: number): string {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && displayWidth(line) + 1 + displayWidth(word) > cells) {
      lines.push(line);
      line = `  ${word}`;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line].join('\n');
}
