import { caseName } from '../analysis/case-name.ts';
import type { Analysis } from '../analysis/summarise.ts';
import type { ProfileReport } from '../model/profile.ts';
import type { CaseReport, Verdict } from '../model/report.ts';
import { caseTables } from './case-tables.ts';
import { headline } from './headline.ts';
import { escapeMarkdown, section } from './markdown-text.ts';
import { hotFunctionsTable, profileLink, profileSentences } from './profile-tables.ts';
import { hostTable, objectivesTable, overviewTable, trialsTable } from './run-tables.ts';

/** report.md: the finding first, then the same tables as in the other formats. */
export function renderReportMarkdown({ report }: Analysis): string {
  const { cases, scenario, verdict, warnings, methods, profile } = report;
  const many = cases.length > 1;
  const blocks = [
    `**${escapeMarkdown(headline(report))}**`,
    `# ${escapeMarkdown(scenario.name)}`,
    ...(scenario.description === undefined ? [] : [escapeMarkdown(scenario.description)]),
    `Next: ${escapeMarkdown(verdict.next)}`,
    ...(profile === undefined ? [] : profileBlocks(profile)),
    ...(many ? section('##', [overviewTable(report)]) : []),
    ...(report.objectives.length === 0 ? [] : section('##', [objectivesTable(report)])),
    ...(warnings.length === 0
      ? []
      : [
          '## Warnings',
          warnings.map(({ code, sentence }) => `- \`${escapeMarkdown(code)}\`: ${escapeMarkdown(sentence)}`).join('\n'),
        ]),
    ...cases.flatMap((one) => caseBlocks(one, verdict, many)),
    ...section('##', [trialsTable(report), hostTable(report)]),
    '## Methods',
    methods.map((method) => `- ${escapeMarkdown(method)}`).join('\n'),
  ];
  return `${blocks.join('\n\n')}\n`;
}

function profileBlocks(profile: ProfileReport): readonly string[] {
  const files = profile.files.map(
    ({ path, what }) => `- [${escapeMarkdown(path)}](${profileLink(path)}): ${escapeMarkdown(what)}`,
  );
  return [
    '## Profile',
    escapeMarkdown(profileSentences(profile).join(' ')),
    ...(files.length === 0 ? [] : [files.join('\n')]),
    ...section('###', [hotFunctionsTable(profile)]),
  ];
}

function caseBlocks(one: CaseReport, first: Verdict, many: boolean): readonly string[] {
  if (!many) return section('##', caseTables(one));
  const head = [`## Case: ${escapeMarkdown(caseName(one))}`, escapeMarkdown(one.verdict.sentence)];
  const next = one.verdict.next === first.next ? [] : [`Next: ${escapeMarkdown(one.verdict.next)}`];
  return [head, next, section('###', caseTables(one))].flat();
}
