#pragma once

#include <string_view>

namespace gradus::ssgan {

/// The report's style sheet. Text has a contrast of at least 4.5, curves of at least 3, against
/// their ground in both schemes; paper is always light.
inline constexpr std::string_view kPageStyle = R"css(
:root {
  color-scheme: light dark;
  --ground: #f6f7f9; --card: #ffffff; --text: #1b2430; --quiet: #56616f; --rule: #dde2e8;
  --c0: #0b5cc0; --c1: #c2410c; --c2: #0f766e; --c3: #86198f; --note: #fff4d6;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --ground: #12161c; --card: #1a2029; --text: #e7ebf0; --quiet: #a3aebb; --rule: #323b47;
    --c0: #72b4ff; --c1: #ff9f5f; --c2: #52d3be; --c3: #e39af0; --note: #3a3013;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--ground); color: var(--text);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif;
}
main { max-width: 1120px; margin: 0 auto; padding: 28px 20px 48px; }
h1 { font-size: 1.75rem; line-height: 1.2; margin: 0 0 6px; overflow-wrap: anywhere; }
h2 { font-size: 1.25rem; margin: 36px 0 12px; }
h3 { font-size: 1rem; margin: 0 0 6px; }
p { margin: 0 0 10px; max-width: 75ch; overflow-wrap: anywhere; }
.quiet, figcaption { color: var(--quiet); }
.note { background: var(--note); border-radius: 8px; padding: 10px 14px; max-width: none; }
.tiles { display: grid; gap: 12px; margin: 18px 0 14px; padding: 0;
  grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); }
.tiles div, .chart, .card { background: var(--card); border: 1px solid var(--rule);
  border-radius: 10px; }
.tiles div { padding: 12px 14px; display: flex; flex-direction: column-reverse;
  justify-content: flex-end; }
.tiles dt { color: var(--quiet); font-size: 0.875rem; line-height: 1.35; }
.tiles dd { margin: 0; font-size: 1.3rem; font-weight: 650; line-height: 1.4; }
.charts { display: grid; gap: 16px; grid-template-columns: repeat(2, minmax(0, 1fr)); }
figure { margin: 0; }
.chart { padding: 16px 16px 12px; break-inside: avoid; position: relative; }
.chart > svg { display: block; width: 100%; height: auto; }
.chart text { fill: var(--quiet); font-size: 12.5px; font-variant-numeric: tabular-nums; }
figcaption { font-size: 0.875rem; line-height: 1.45; margin-top: 8px; }
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: 2px 18px; margin: 0 0 8px;
  padding: 0; font-size: 0.875rem; }
.legend svg { margin-right: 7px; vertical-align: -1px; }
.grid { stroke: var(--rule); stroke-width: 1; }
.axis { stroke: var(--quiet); stroke-width: 1; }
.line { fill: none; stroke-width: 1.75; stroke-linecap: round; stroke-linejoin: round; }
.line.reference { stroke: var(--quiet); stroke-dasharray: 6 5; }
.marker { stroke: var(--card); stroke-width: 1; }
.line.c0 { stroke: var(--c0); } .marker.c0 { fill: var(--c0); }
.line.c1 { stroke: var(--c1); } .marker.c1 { fill: var(--c1); }
.line.c2 { stroke: var(--c2); } .marker.c2 { fill: var(--c2); }
.line.c3 { stroke: var(--c3); } .marker.c3 { fill: var(--c3); }
.pale { fill: none; stroke-width: 1; opacity: 0.3; }
.pale.c0 { stroke: var(--c0); } .pale.c1 { stroke: var(--c1); }
.pale.c2 { stroke: var(--c2); } .pale.c3 { stroke: var(--c3); }
.rule { stroke: var(--quiet); stroke-width: 1; }
.values { position: absolute; background: var(--card); border: 1px solid var(--quiet);
  border-radius: 6px; padding: 4px 10px; font-size: 0.8125rem; pointer-events: none; }
.values p { margin: 0; max-width: none; }
.samples { display: grid; gap: 16px; grid-template-columns: repeat(2, minmax(0, 1fr)); }
.samples figure, .mistakes figure { break-inside: avoid; }
.samples img, .mistakes img { display: block; width: 100%; height: auto; border-radius: 8px; }
.mistakes { margin-top: 16px; }
.mistakes figure { max-width: 760px; overflow-x: auto; }
.mistakes img { min-width: 640px; }
.slider { display: grid; gap: 12px; align-content: start; }
.slider input { width: 100%; accent-color: var(--c0); }
.scores { display: grid; gap: 16px; grid-template-columns: repeat(2, minmax(0, 1fr));
  align-items: start; }
caption { text-align: left; color: var(--quiet); padding: 8px 0; }
.matrix td, .matrix th { text-align: right; padding: 4px 6px; }
.matrix .right { background: rgb(15 118 110 / calc(0.4 * var(--share))); }
.matrix .wrong { background: rgb(194 65 12 / calc(0.2 + 0.6 * var(--share))); }
.matrix .wrong:empty { background: none; }
.card { overflow-x: auto; padding: 4px 16px; }
table { border-collapse: collapse; width: 100%; font-size: 0.875rem;
  font-variant-numeric: tabular-nums; }
th, td { padding: 6px 14px 6px 0; text-align: left; vertical-align: top; }
tr + tr > *, tbody tr > * { border-top: 1px solid var(--rule); }
table > tbody:first-child > tr:first-child > * { border-top: 0; }
th { font-weight: 600; }
.settings { column-count: 2; column-gap: 16px; }
.settings .card { break-inside: avoid; margin-bottom: 16px; }
.settings h3 { margin: 10px 0 2px; }
.settings th { width: 45%; font-weight: 400; color: var(--quiet); overflow-wrap: anywhere; }
.settings td { overflow-wrap: anywhere; padding-right: 0; }
.epochs th, .epochs td { text-align: right; white-space: nowrap; }
.inspected th, .inspected td { text-align: right; vertical-align: middle; }
.inspected td { white-space: nowrap; }
.inspected svg { vertical-align: middle; }
.inspected th:first-child { text-align: left; }
.card + .charts { margin-top: 16px; }
.epochs td:last-child, .epochs th:last-child { padding-right: 0; }
summary { cursor: pointer; padding: 8px 0; }
@media (max-width: 800px) {
  main { padding: 20px 14px 36px; }
  .charts { grid-template-columns: minmax(0, 1fr); }
  .scores { grid-template-columns: minmax(0, 1fr); }
  .settings { column-count: 1; }
}
@media screen and (max-width: 520px) {
  .samples { grid-template-columns: minmax(0, 1fr); }
  h1 { font-size: 1.45rem; }
  .tiles { grid-template-columns: repeat(2, minmax(0, 1fr)); }
  .chart { padding: 12px 10px 10px; }
  .chart text { font-size: 16px; }
  .line { stroke-width: 2; }
}
@media print {
  :root { color-scheme: light; --ground: #ffffff; }
  body { font-size: 10pt; }
  .chart text { font-size: 15px; }
  .card { overflow: visible; }
  table { font-size: 7.5pt; }
  th, td { padding: 3px 8px 3px 0; }
  .epochs th { white-space: normal; vertical-align: bottom; }
  main { max-width: none; padding: 0; }
  .charts { grid-template-columns: repeat(2, minmax(0, 1fr)); }
  .slider input { display: none; }
  h2 { break-after: avoid; }
}
)css";

}  // namespace gradus::ssgan
