import { InspectionClient, type ResultMessage, type StatusMessage } from '@beltsight/sdk';
import { Joiner } from '../../page/inspections.js';
import { decodeFrame, drawPicture } from '../../page/picture.js';
import { drawScores } from '../../page/scores.js';
import { type Inspected, Rejects } from './rejects.js';

/** Without a result for so long, what is shown is old. */
const STALE_MS = 5000;
const RETRY_MS = 2000;
/** Results in the trend. */
const TREND = 120;

const find = <T extends HTMLElement>(id: string) => document.getElementById(id) as T;
const say = (id: string, text: string) => {
  find(id).textContent = text;
};

const frame = find<HTMLCanvasElement>('frame');
const overlay = find<HTMLInputElement>('overlay');
const opacity = find<HTMLInputElement>('opacity');
const live = find<HTMLButtonElement>('live');
const trend: ResultMessage[] = [];
const rejects = new Rejects(find('rejects'), (inspection) => hold(inspection));

let shown: Inspected | undefined;
let held = false;
let latest: Inspected | undefined;
let lastResultAt = 0;
let connected = false;
let status: StatusMessage | undefined;
const counts = { inspected: 0, rejected: 0 };

const SIGNS = { pass: ['✔', 'PASS'], reject: ['✖', 'REJECT'], unknown: ['?', 'UNKNOWN'] } as const;

function show(inspection: Inspected): void {
  shown = inspection;
  const { verdict, score, threshold, class: product, latencyMs } = inspection.result;
  document.body.dataset.verdict = verdict;
  const [sign, word] = SIGNS[verdict];
  say('sign', sign);
  say('word', word);
  say('product', product.name === null ? 'not known to the model' : `${product.name} (${product.source})`);
  say('score', `${score.toFixed(3)} / ${threshold?.toFixed(3) ?? '–'}`);
  say('latency', `${latencyMs.toFixed(0)} ms`);
  const share = threshold === null ? 1 : Math.min(1, score / threshold / 2);
  find('level').style.width = `${(share * 100).toFixed(1)}%`;
  draw();
}

function draw(): void {
  if (shown) drawPicture(frame, shown, overlay.checked ? Number(opacity.value) / 100 : 0);
}

function hold(inspection: Inspected): void {
  held = true;
  live.hidden = false;
  show(inspection);
  live.focus();
}

function goLive(): void {
  held = false;
  live.hidden = true;
  if (latest) show(latest);
}

function receive(inspection: Inspected): void {
  latest = inspection;
  lastResultAt = performance.now();
  const { result } = inspection;
  counts.inspected++;
  if (result.verdict !== 'pass') counts.rejected++;
  say('inspected', String(counts.inspected));
  say('rejected', `${counts.rejected} (${((100 * counts.rejected) / counts.inspected).toFixed(0)} %)`);
  trend.push(result);
  if (trend.length > TREND) trend.shift();
  drawScores(find('trend'), trend, TREND);
  if (result.verdict !== 'pass') rejects.add(inspection);
  if (!held) show(inspection);
  tellHealth();
}

/** One line on what works, loud where it does not. */
function tellHealth(): void {
  const stale = lastResultAt > 0 && performance.now() - lastResultAt > STALE_MS;
  const [fault, text] = health(stale);
  document.body.classList.toggle('fault', fault);
  document.body.classList.toggle('stale', stale || !connected);
  say('connection', text);
}

function health(stale: boolean): [fault: boolean, text: string] {
  if (!connected) return [true, 'The broker is gone. What you see is old.'];
  if (!status) return [false, 'Connected. Waiting for a device…'];
  const { site, line, device } = status.device;
  const name = `${site} / ${line} / ${device}`;
  if (status.state === 'offline') return [true, `${name} is offline. What you see is old.`];
  const failed = status.cameras?.find((camera) => camera.state === 'failed');
  if (failed) return [true, `${name}, camera ${failed.name}: ${failed.error ?? 'failed'}`];
  if (stale) return [true, `${name}: no result for ${STALE_MS / 1000} s. What you see is old.`];
  return [false, `${name} is ${status.state}, ${status.provider ?? ''}, model ${status.model?.id ?? ''}`];
}

function learn(message: StatusMessage): void {
  status = message;
  const camera = message.cameras?.[0];
  if (camera) say('rate', `${camera.rateHz.toFixed(1)} / s${camera.dropped > 0 ? `, ${camera.dropped} dropped` : ''}`);
  tellHealth();
}

async function connect(): Promise<void> {
  const url = `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/mqtt`;
  const client = await InspectionClient.connect(url);
  connected = true;
  const joiner = new Joiner();
  client.on('frame', (image) => joiner.addFrame(image));
  client.on('heatmap', (heatmap) => joiner.addHeatmap(heatmap));
  let order = Promise.resolve();
  client.on('result', (result: ResultMessage) => {
    const { jpeg, heatmap } = joiner.join(result);
    const unpacked = decodeFrame(jpeg);
    order = order.then(async () => receive({ result, frame: await unpacked, heatmap }));
  });
  client.on('status', learn);
  client.on('connection', (up) => {
    connected = up;
    tellHealth();
  });
  tellHealth();
}

overlay.addEventListener('change', draw);
opacity.addEventListener('input', draw);
live.addEventListener('click', goLive);
document.addEventListener('keydown', ({ key }) => {
  if (key === 'Escape') goLive();
});
setInterval(tellHealth, 1000);

const attempt = () =>
  connect().catch(() => {
    tellHealth();
    setTimeout(attempt, RETRY_MS);
  });
await attempt();
