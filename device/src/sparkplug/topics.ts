/** Namespace of payload definition B (Sparkplug 3.0, section 4.1.1). */
const NAMESPACE = 'spBv1.0';

/** Kinds of messages that an edge node sends (section 4.1.3). */
export type NodeKind = 'NBIRTH' | 'NDATA' | 'NDEATH';
export type DeviceKind = 'DBIRTH' | 'DDATA' | 'DDEATH';

/** The topics of one edge node (section 4). */
export interface SparkplugTopics {
  node(kind: NodeKind | 'NCMD'): string;
  device(kind: DeviceKind | 'DCMD', device: string): string;
  /** Where a host application says whether it is online (section 4.2.3). */
  state(host: string): string;
}

/** Which edge node: ids must not hold "+", "/" or "#", as their schemas see to. */
export function sparkplugTopicsOf(group: string, edgeNode: string): SparkplugTopics {
  return {
    node: (kind) => `${NAMESPACE}/${group}/${kind}/${edgeNode}`,
    device: (kind, device) => `${NAMESPACE}/${group}/${kind}/${edgeNode}/${device}`,
    state: (host) => `${NAMESPACE}/STATE/${host}`,
  };
}
