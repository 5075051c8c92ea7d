/** The page's frame; its script fills it. */
export function pageHtml(camera: string): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${camera}</title>
<style>
  :root { color-scheme: dark; font: 15px/1.4 system-ui, sans-serif; background: #14171a; color: #e6e6e6; }
  body { margin: 0; display: grid; grid-template-columns: minmax(0, 1fr) 340px; gap: 20px; padding: 20px; }
  h1 { grid-column: 1 / -1; margin: 0; font-size: 20px; font-weight: 600; }
  #picture { width: 100%; max-height: calc(100vh - 130px); object-fit: contain; background: #000; border-radius: 6px; }
  h2 { font-size: 13px; font-weight: 600; margin: 18px 0 6px; color: #a9b1b8; }
  h2:first-child { margin-top: 0; }
  .bar { position: relative; height: 18px; background: #262b30; border-radius: 4px; overflow: hidden; }
  .bar > div { position: absolute; inset: 0 auto 0 0; background: #3ba55d; }
  .bar > i { position: absolute; top: 0; bottom: 0; width: 2px; background: #ffd166; }
  #histogram { width: 100%; height: 110px; display: block; background: #1b1f23; border-radius: 4px; }
  .figure { display: flex; justify-content: space-between; font-variant-numeric: tabular-nums; }
  .bad { color: #ff8f8f; }
  #controls label { display: grid; grid-template-columns: 1fr 5em; gap: 2px 8px; margin-bottom: 10px; }
  #controls input[type=range], #controls select { grid-column: 1 / -1; width: 100%; }
  #controls input[type=checkbox] { grid-area: 1 / 2; justify-self: end; }
  #controls output { text-align: right; font-variant-numeric: tabular-nums; }
  button { font: inherit; padding: 6px 14px; border-radius: 4px; border: 1px solid #4a525a; background: #2b3137; color: inherit; }
  #message { min-height: 1.4em; }
  @media (max-width: 800px) { body { grid-template-columns: 1fr; } }
</style>
<h1>${camera} <span id="size"></span></h1>
<main><img id="picture" src="/stream" alt="What the model sees of the camera"><p id="message" role="status"></p></main>
<aside>
  <h2>Sharpness: turn the lens until the bar is longest</h2>
  <div class="bar"><div id="sharpness"></div><i id="best"></i></div>
  <p class="figure"><span id="sharpness-text"></span><button id="again" type="button">Begin again</button></p>
  <h2>Exposure: no heap at either end</h2>
  <canvas id="histogram" width="640" height="220"></canvas>
  <p class="figure"><span id="dark"></span><span id="brightness"></span><span id="bright"></span></p>
  <h2 id="controls-title" hidden>Controls</h2>
  <form id="controls"></form>
  <button id="store" type="button" hidden>Store in the configuration</button>
</aside>
<script type="module" src="/page.js"></script>
</html>
`;
}
