/**
 * The page's style: system fonts, one accent, colours of the phases from the palette of Okabe and Ito, which people with
 * any colour vision can tell apart; lightened for the dark scheme. Contrast of all text is at least 4.5 to 1.
 */
export const styleSheet: string = `
:root { color-scheme: light dark;
  --page: #f6f7f9; --card: #fff; --text: #17202b; --soft: #55606e; --line: #dfe3e8; --grid: #e8ebef;
  --accent: #0b62b8; --tint: #0b62b826; --good: #0a7040; --bad: #b3261e; --warn: #7a4d00; --warn-tint: #fff4dc;
  --queued: #8b95a1; --waiting: #e69f00; --receiving: #56b4e9; --decoding: #009e73; --held: #cc79a7; --writing: #0060a0; }
@media (prefers-color-scheme: dark) { :root {
  --page: #0f1419; --card: #182028; --text: #e8edf2; --soft: #a3afbc; --line: #2d3843; --grid: #26303a;
  --accent: #6cb6ff; --tint: #6cb6ff33; --good: #5fd39a; --bad: #ff8f85; --warn: #ffd480; --warn-tint: #3a2f14;
  --queued: #7d8894; --waiting: #f0b429; --receiving: #6cc3f2; --decoding: #2bbf92; --held: #dd94bc; --writing: #4a8fe0; } }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--page); color: var(--text); font: 15px/1.5 system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif; }
main { max-width: 1120px; margin: 0 auto; padding: 28px 20px 60px; }
h1, h2, h3, h4, p { margin: 0; overflow-wrap: anywhere; }
h1 { font-size: clamp(19px, 2.3vw, 27px); line-height: 1.32; letter-spacing: -0.01em; font-weight: 650; margin: 0 0 8px; text-wrap: pretty; }
h2 { font-size: 20px; line-height: 1.3; }
h3 { font-size: 16px; margin: 0 0 10px; }
h4 { font-size: 14px; font-weight: 600; margin: 0 0 6px; }
.soft, .note { color: var(--soft); font-weight: 400; }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
.run { color: var(--soft); font-size: 13px; margin-bottom: 10px; }
.run strong { color: var(--text); }
.code { display: inline-block; font-size: 13px; font-weight: 600; color: var(--accent); background: var(--tint); border-radius: 20px; padding: 2px 11px; }
.code.emulator-bound, .code.inconclusive { color: var(--warn); background: var(--warn-tint); }
.next { border-left: 3px solid var(--accent); padding: 2px 0 2px 12px; margin: 14px 0 0; max-width: 80ch; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 12px; margin: 22px 0 0; padding: 0; list-style: none; }
.figures li { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 11px 14px; min-width: 0; }
.figures b { display: block; font-size: 22px; line-height: 1.3; font-weight: 650; font-variant-numeric: tabular-nums; }
.figures span { color: var(--soft); font-size: 13px; overflow-wrap: anywhere; }
nav { margin: 20px 0 0; font-size: 14px; }
nav ul { display: flex; flex-wrap: wrap; gap: 6px 16px; list-style: none; margin: 0; padding: 0; }
a { color: var(--accent); }
section { margin-top: 26px; }
.case-head { border-top: 2px solid var(--line); padding: 26px 0 0; margin-top: 40px; }
.case-head .code { margin: 6px 0; }
main > header .code { margin-bottom: 8px; }
.case-finding { max-width: 90ch; font-weight: 500; margin-bottom: 4px; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 18px 20px; margin-top: 16px; min-width: 0; }
.card > h3:not(:first-child) { margin-top: 26px; }
.warnings { background: var(--warn-tint); border-color: transparent; }
.warnings ul { margin: 0; padding: 0; list-style: none; }
.warnings li { padding: 5px 0; }
.warnings code { color: var(--warn); font-weight: 600; }
code { font: 12.5px/1.5 ui-monospace, 'SF Mono', Menlo, Consolas, monospace; overflow-wrap: anywhere; }
.damage { margin: 10px 0 0; padding: 0; list-style: none; font-size: 13.5px; }
.damage li { padding: 8px 0; border-top: 1px solid var(--line); break-inside: avoid; }
.table { margin-top: 18px; }
.table-title { font-weight: 600; font-size: 13.5px; }
.note { display: block; font-size: 13px; max-width: 95ch; }
.scroll { overflow-x: auto; margin-top: 4px; }
.scroll:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
table { border-collapse: collapse; width: 100%; font-size: 13.5px; font-variant-numeric: tabular-nums; }
th, td { padding: 6px 14px 6px 0; text-align: left; border-bottom: 1px solid var(--line); vertical-align: top; font-weight: 400; }
th:last-child, td:last-child { padding-right: 2px; }
tbody th { font-weight: 550; position: sticky; left: 0; background: var(--card); }
thead th { color: var(--soft); font-size: 12.5px; border-bottom-width: 2px; vertical-align: bottom; }
.right { text-align: right; }
td.right { white-space: nowrap; }
td.unknown { color: var(--soft); font-style: italic; white-space: normal; }
td.use { white-space: nowrap; }
td.method { min-width: 24ch; font-size: 12.5px; }
.reasons { margin: 10px 0 0; padding-left: 22px; color: var(--soft); font-size: 12.5px; }
.good { color: var(--good); font-weight: 600; }
.bad { color: var(--bad); font-weight: 700; }
.meter { display: inline-block; width: 72px; height: 9px; border-radius: 5px; background: var(--grid); margin-right: 8px; overflow: hidden; vertical-align: baseline; }
.meter span { display: block; height: 100%; background: var(--accent); }
figure { margin: 0; }
.dot-row p { font-size: 13.5px; overflow-wrap: anywhere; }
.dots .group { font-weight: 600; font-size: 13.5px; margin-top: 14px; }
@media (min-width: 760px) { .dots.many .dot-row { display: grid; grid-template-columns: 300px minmax(0, 1fr); gap: 16px; align-items: center; }
  .dots.many .dot-row .soft { display: block; } }
details { margin-top: 16px; }
summary { cursor: pointer; font-weight: 600; color: var(--accent); }
figcaption { color: var(--soft); font-size: 13px; margin-top: 4px; }
svg.plot { display: block; overflow: visible; }
svg text { fill: var(--text); font-size: 13.5px; }
svg .soft { fill: var(--soft); }
svg .strong { font-weight: 600; }
svg .tick { fill: var(--soft); font-size: 12px; }
svg .grid { stroke: var(--grid); shape-rendering: crispEdges; }
svg .base { stroke: var(--line); }
svg .interval { fill: var(--tint); stroke: var(--accent); stroke-opacity: 0.5; }
svg .median { stroke: var(--accent); stroke-width: 2.5; }
svg .trial { fill: var(--accent); fill-opacity: 0.72; stroke: var(--card); }
svg .aside { fill: none; stroke: var(--soft); stroke-width: 1.5; }
.key { display: inline-block; vertical-align: -1px; margin-left: 4px; }
.key.dot { width: 9px; height: 9px; border-radius: 50%; background: var(--accent); }
.key.ring { width: 9px; height: 9px; border-radius: 50%; border: 1.5px solid var(--soft); }
.key.bar { width: 18px; height: 10px; border-radius: 3px; background: var(--tint); border: 1px solid var(--accent); }
.key.mid { width: 3px; height: 13px; background: var(--accent); }
.legend { display: flex; flex-wrap: wrap; gap: 4px 16px; list-style: none; margin: 0 0 12px; padding: 0; font-size: 13px; }
.swatch { display: inline-block; width: 12px; height: 12px; border-radius: 3px; margin-right: 6px; vertical-align: -1px; }
.queued { fill: var(--queued); } .waiting { fill: var(--waiting); } .receiving { fill: var(--receiving); }
.decoding { fill: var(--decoding); } .held { fill: var(--held); } .writing { fill: var(--writing); }
span.queued { background: var(--queued); } span.waiting { background: var(--waiting); } span.receiving { background: var(--receiving); }
span.decoding { background: var(--decoding); } span.held { background: var(--held); } span.writing { background: var(--writing); }
.bar-row { margin-bottom: 12px; }
.bar-label { font-size: 13.5px; margin-bottom: 3px; overflow-wrap: anywhere; }
.stack { display: flex; height: 26px; border-radius: 5px; overflow: hidden; background: var(--grid); }
.stack span { overflow: hidden; color: #111; font-size: 12px; line-height: 26px; text-align: center; white-space: nowrap; }
.stack .writing { color: #fff; }
.waterfalls { display: grid; gap: 22px; margin-top: 12px; }
.methods li { margin: 4px 0; max-width: 100ch; }
.methods { padding-left: 18px; margin: 0; font-size: 13.5px; }
footer { margin-top: 30px; color: var(--soft); font-size: 13px; }
@media (max-width: 600px) { main { padding: 18px 12px 40px; } .card { padding: 14px 12px; border-radius: 10px; } tbody th { max-width: 32vw; } td.use .meter { display: block; margin: 6px 0 2px; width: 60px; } td.method { min-width: 40ch; } table[aria-label^='USE'] td:nth-child(3) { min-width: 17ch; } }
@media print { :root { color-scheme: light; --page: #fff; } body { font-size: 11px; -webkit-print-color-adjust: exact; print-color-adjust: exact; }
  main { max-width: none; padding: 0; } .card { border-radius: 0; padding: 8px 0; border-width: 1px 0 0; } nav { display: none; } details::details-content { content-visibility: visible; }
  figure, tr, .bar-row, .figures li { break-inside: avoid; } h2, h3, h4, .table-title { break-after: avoid; } .scroll { overflow: visible; } }
`;
