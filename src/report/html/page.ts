import type { Report } from '../../model/report.ts';
import { html, Markup } from './markup.ts';
import { styleSheet } from './style-sheet.ts';

/**
 * A page of one file without scripts and without anything from elsewhere, which its content security policy also tells
 * the browser; light or dark as the reader's system; prints.
 */
export function renderPage(title: string, tool: Report['tool'], content: Markup): string {
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta
          http-equiv="Content-Security-Policy"
          content="default-src 'none'; style-src 'unsafe-inline'; img-src data:"
        />
        <link rel="icon" href="data:," />
        <title>${title} - restorelab</title>
        <style>
          ${new Markup(styleSheet)}
        </style>
      </head>
      <body>
        <main>
          ${content}
          <footer>
            ${tool.name} ${tool.version}. Every figure here is recomputed from the records of the run; the same figures
            for programs are in report.json.
          </footer>
        </main>
      </body>
    </html> `;
  return `${page.text.trim()}\n`;
}
