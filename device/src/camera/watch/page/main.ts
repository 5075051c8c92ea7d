/// <reference lib="dom" />
import type { Knob } from '../knobs.js';
import type { Figures } from '../server.js';

const element = <T extends HTMLElement>(id: string) => document.getElementById(id) as T;
const percent = (share: number) => `${(share * 100).toFixed(1)} %`;
/** A lost share of pixels from here on is shown as a warning. */
const MUCH = 0.01;

let best = 0;
element('again').addEventListener('click', () => {
  best = 0;
});

const events = new EventSource('/figures');
events.addEventListener('message', ({ data }) => show(JSON.parse(data) as Figures));
events.addEventListener('fault', ({ data }) => say(JSON.parse(data) as string));
events.addEventListener('error', () => say('The device is not there any more.'));

function show({ sharpness, brightness, dark, bright, histogram, width, height, rateHz }: Figures): void {
  say('');
  best = Math.max(best, sharpness);
  const scale = Math.max(best * 1.15, 1);
  element('size').textContent = `${width} × ${height}, ${rateHz.toFixed(1)} Hz`;
  element('sharpness').style.width = `${(100 * sharpness) / scale}%`;
  element('best').style.left = `${(100 * best) / scale}%`;
  element('sharpness-text').textContent = `${sharpness.toFixed(1)}, best ${best.toFixed(1)}`;
  element('brightness').textContent = `mean ${percent(brightness)}`;
  lost('dark', 'black', dark);
  lost('bright', 'white', bright);
  draw(histogram);
}

function lost(id: string, what: string, share: number): void {
  element(id).textContent = `${what} ${percent(share)}`;
  element(id).className = share >= MUCH ? 'bad' : '';
}

function draw(histogram: readonly number[]): void {
  const canvas = element<HTMLCanvasElement>('histogram');
  const context = canvas.getContext('2d') as CanvasRenderingContext2D;
  const { width, height } = canvas;
  // A square root, so that small heaps at the ends are seen beside a large one.
  const top = Math.sqrt(Math.max(...histogram, 0.01));
  context.clearRect(0, 0, width, height);
  for (const [i, share] of histogram.entries()) {
    const tall = (Math.sqrt(share) / top) * height;
    const end = i === 0 || i === histogram.length - 1;
    context.fillStyle = end && share >= MUCH ? '#ff8f8f' : '#8fb8de';
    context.fillRect((i * width) / histogram.length, height - tall, width / histogram.length - 1, tall);
  }
}

function say(text: string): void {
  element('message').textContent = text;
}

async function request(path: string, body?: object): Promise<unknown> {
  const response = await fetch(path, body ? { method: 'POST', body: JSON.stringify(body) } : {});
  if (response.ok) return response.json();
  throw new Error(await response.text());
}

async function knobs(answer: Promise<unknown>): Promise<void> {
  try {
    render((await answer) as Knob[]);
  } catch (error) {
    say((error as Error).message);
  }
}

function render(list: readonly Knob[]): void {
  for (const id of ['controls-title', 'store']) element(id).hidden = list.length === 0;
  element('controls').replaceChildren(...list.map(field));
}

function field({ name, type, value, minimum, maximum, step, menu, inactive }: Knob): HTMLElement {
  const label = document.createElement('label');
  const output = document.createElement('output');
  output.textContent = type === 'integer' ? `${value}` : '';
  const input = document.createElement(type === 'menu' ? 'select' : 'input');
  if (input instanceof HTMLSelectElement) {
    input.append(...menu.map(({ index, label: text }) => new Option(text, `${index}`, false, index === value)));
  } else if (type === 'boolean') {
    Object.assign(input, { type: 'checkbox', checked: value === true });
  } else {
    Object.assign(input, { type: 'range', min: `${minimum}`, max: `${maximum}`, step: `${step}`, value: `${value}` });
    input.addEventListener('input', () => {
      output.textContent = input.value;
    });
  }
  input.disabled = inactive;
  input.addEventListener('change', () => {
    const next = type === 'boolean' ? (input as HTMLInputElement).checked : Number(input.value);
    void knobs(request('/controls', { name, value: next }));
  });
  label.append(name.replaceAll('_', ' '), output, input);
  return label;
}

element('store').addEventListener('click', () => {
  request('/store', {}).then(
    (stored) => say(`Stored: ${Object.keys(stored as object).join(', ') || 'nothing was changed'}.`),
    (error: Error) => say(error.message),
  );
});

void knobs(request('/controls'));
