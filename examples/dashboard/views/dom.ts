/** An element of the page by its id. */
export const find = <T extends HTMLElement>(id: string) => document.getElementById(id) as T;

/** Writes only what has changed: a screen reader says what is written anew, and layout costs time. */
export function say(element: HTMLElement, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

export function show(element: HTMLElement, visible: boolean): void {
  if (element.hidden === visible) element.hidden = !visible;
}

/** A new element with a class, attributes and children. */
export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Readonly<Record<string, string>> = {},
  ...children: readonly (Node | string)[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

const SVG = 'http://www.w3.org/2000/svg';

/** One of the symbols in index.html; `put` changes which. */
export function icon(): { readonly element: SVGSVGElement; put(name: string): void } {
  const element = document.createElementNS(SVG, 'svg');
  element.setAttribute('class', 'icon');
  element.setAttribute('aria-hidden', 'true');
  const use = document.createElementNS(SVG, 'use');
  element.append(use);
  return {
    element,
    put: (name) => {
      if (use.getAttribute('href') !== `#icon-${name}`) use.setAttribute('href', `#icon-${name}`);
    },
  };
}

/** Terms and their descriptions, replaced only where they have changed. */
export function list(
  element: HTMLElement,
  figures: readonly { readonly name: string; readonly value: string; readonly bad?: boolean }[],
): void {
  const text = JSON.stringify(figures);
  if (element.dataset.text === text) return;
  element.dataset.text = text;
  element.replaceChildren(
    ...figures.map(({ name, value, bad }) =>
      make('div', bad ? { class: 'bad' } : {}, make('dt', {}, name), make('dd', { title: value }, value)),
    ),
  );
}
