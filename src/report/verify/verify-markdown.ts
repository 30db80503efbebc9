import type { VerifyAnalysis } from '../../analysis/summarise-verify.ts';
import { escapeMarkdown, section } from '../markdown-text.ts';
import { AFTER_DAMAGE, damageTable, verifyHeadline, verifyMethods, verifyTables } from './verify-tables.ts';

/** report.md of a verify: damage first, then what limits it, then the tables. */
export function renderVerifyMarkdown({ report }: VerifyAnalysis): string {
  const { settings, problems, verdict, warnings } = report;
  const isDamaged = problems.length > 0;
  const blocks = [
    `**${escapeMarkdown(verifyHeadline(report))}**`,
    `# Verify of ${escapeMarkdown(settings.datastore)}`,
    ...(isDamaged
      ? [
          ...section('##', [damageTable(report)]),
          `Next: ${escapeMarkdown(AFTER_DAMAGE)}`,
          '## Speed',
          escapeMarkdown(verdict.sentence),
        ]
      : []),
    `${isDamaged ? 'Next experiment' : 'Next'}: ${escapeMarkdown(verdict.next)}`,
    ...(warnings.length === 0
      ? []
      : ['## Warnings', warnings.map((warning) => `- ${escapeMarkdown(warning)}`).join('\n')]),
    ...section('##', verifyTables(report)),
    '## Methods',
    verifyMethods(report)
      .map((method) => `- ${escapeMarkdown(method)}`)
      .join('\n'),
  ];
  return `${blocks.join('\n\n')}\n`;
}
