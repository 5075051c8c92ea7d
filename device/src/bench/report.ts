import type { Conditions } from './conditions.js';
import type { Latency } from './latency.js';
import type { Figures } from './measure.js';

const BAR_WIDTH = 40;

/** The figures as text for a terminal. */
export function reportOf(figures: Figures): string {
  const { model, frame, provider, runtimeVersion, rejectedProviders, threads, seconds, frames, stages } = figures;
  const names = rejectedProviders.map((rejected) => rejected.provider).join(', ');
  const passed = names === '' ? '' : ` (cannot be used: ${names})`;
  return [
    `model      "${model.name}" ${model.id}, ${model.size} x ${model.size} pixels`,
    `frame      ${frame.source}, ${frame.width} x ${frame.height} pixels`,
    `runs on    ${provider}, ONNX Runtime ${runtimeVersion}, threads: ${threads ?? 'all cores'}${passed}`,
    `speed      ${figures.framesPerSecond.toFixed(1)} frames/s (${frames} frames in ${seconds.toFixed(1)} s, a heatmap for each)`,
    ...conditionLines(figures.conditions),
    ...Object.entries(stages).flatMap(([stage, latency]) => ['', ...stageLines(stage, latency)]),
  ].join('\n');
}

function stageLines(stage: string, { p50Ms, p90Ms, p99Ms, maxMs, histogram }: Latency): string[] {
  const most = Math.max(...histogram.map(({ count }) => count));
  const figures = [
    ['p50', p50Ms],
    ['p90', p90Ms],
    ['p99', p99Ms],
    ['max', maxMs],
  ] as const;
  return [
    `${stage.padEnd(9)}  ${figures.map(([name, value]) => `${name} ${ms(value)} ms`).join('   ')}`,
    ...histogram.map(({ fromMs, toMs, count }) =>
      `  ${ms(fromMs).padStart(6)} - ${ms(toMs).padStart(6)} ms ${String(count).padStart(8)} ${bar(count / most)}`.trimEnd(),
    ),
  ];
}

function conditionLines({ temperatures, clocks, brakes }: Conditions): string[] {
  const courses = temperatures.map((t) => `${t.name} ${t.startCelsius.toFixed(0)} to ${t.endCelsius.toFixed(0)} °C`);
  const fallen = clocks.filter(({ fell }) => fell);
  const falls = fallen.map((c) => `${c.name} fell from ${c.firstMhz.toFixed(0)} to ${c.lastMhz.toFixed(0)} MHz`);
  const steady = clocks.length === 0 ? 'the kernel shows none' : `none of ${clocks.length} fell`;
  return [
    `heat       ${courses.join(', ') || 'the kernel shows none'}`,
    `clocks     ${falls.join(', ') || steady}`,
    ...(brakes.length > 0 ? [`throttled  by heat: ${brakes.join(', ')}`] : []),
  ];
}

/** Three significant digits. */
function ms(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}

/** In eighths of a character; what is not nothing shows. */
function bar(share: number): string {
  const eighths = Math.round(share * BAR_WIDTH * 8) || (share > 0 ? 1 : 0);
  return '█'.repeat(Math.floor(eighths / 8)) + ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'][eighths % 8];
}
