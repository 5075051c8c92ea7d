/** Style of the pictures of inter-class confusion. */
export const CONFUSION_STYLE = `
.scatter{max-width:860px}.scatter .class{stroke-width:1.6}.scatter .hollow{fill:none}.scatter .name{stroke:none;font-size:11px}
.scatter .over{paint-order:stroke;stroke:Canvas;stroke-width:3px;fill:CanvasText;font-size:12px;text-anchor:middle;pointer-events:none}
.scatter:has(.class:hover) .class:not(:hover){opacity:.12}
.matrix{width:auto;margin-bottom:1rem}.matrix td{min-width:3.2rem;text-align:center}.matrix thead th{text-align:center}
.matrix .own{outline:1px solid var(--edge);outline-offset:-2px}.matrix caption{text-align:left;padding:.3rem 0;color:var(--dim)}
.tilted{height:7rem;vertical-align:bottom;padding:0}.tilted span{writing-mode:vertical-rl;transform:rotate(180deg);font-weight:500}
.side{display:flex;flex-wrap:wrap;gap:0 2.5rem}
`;
