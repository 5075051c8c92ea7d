import {
  coerceUInt64,
  DataType,
  type Namespace,
  type StatusCode,
  StatusCodes,
  type UAObject,
  type UAVariable,
  VariantArrayType,
} from 'node-opcua';
import type { Tag, TagValue } from './tags.js';

/** The variables of one kind of message below one object: values come with messages, quality from what is known of the device. */
export class Variables<Message> {
  readonly #variables: ReadonlyMap<Tag<Message>, UAVariable>;
  #message: Message | undefined;
  #at = new Date();
  #quality: StatusCode = StatusCodes.BadWaitingForInitialData;

  /** Adds them to `parent`; node ids are `s=<path>/<name>` and so stay the same over restarts. */
  constructor(namespace: Namespace, parent: UAObject, path: string, tags: readonly Tag<Message>[]) {
    this.#variables = new Map(tags.map((tag) => [tag, add(namespace, parent, path, tag)]));
    this.#write();
  }

  /** New values, and when they became true. */
  update(message: Message, at: Date): void {
    this.#message = message;
    this.#at = at;
    this.#write();
  }

  set quality(quality: StatusCode) {
    if (quality === this.#quality) return;
    this.#quality = quality;
    // The values are as old as they were: what changed now is what to think of them.
    this.#write(new Date());
  }

  #write(at = this.#at): void {
    for (const [tag, variable] of this.#variables) {
      const value = this.#message === undefined ? null : tag.value(this.#message);
      if (value === null) {
        const missing = this.#message === undefined ? StatusCodes.BadWaitingForInitialData : StatusCodes.BadNoData;
        const bad = this.#quality.isGood() ? missing : this.#quality;
        variable.setValueFromSource({ dataType: DataType.Null }, bad, at);
      } else {
        variable.setValueFromSource(variant(tag.dataType, value), this.#quality, at);
      }
    }
  }
}

function variant(dataType: DataType, value: NonNullable<TagValue>) {
  return dataType === DataType.UInt64
    ? { dataType, arrayType: VariantArrayType.Scalar, value: coerceUInt64(value as number) }
    : { dataType, value };
}

function add<Message>(namespace: Namespace, parent: UAObject, path: string, tag: Tag<Message>): UAVariable {
  const options = {
    componentOf: parent,
    nodeId: `s=${path}/${tag.name}`,
    browseName: tag.name,
    description: tag.description,
    dataType: tag.dataType,
    // What a camera saw is nobody's to write.
    accessLevel: 'CurrentRead',
    userAccessLevel: 'CurrentRead',
    minimumSamplingInterval: 0,
  } as const;
  if (!tag.analog) return namespace.addVariable(options);
  const { unit, low, high } = tag.analog;
  return namespace.addAnalogDataItem({ ...options, engineeringUnits: unit, engineeringUnitsRange: { low, high } });
}
