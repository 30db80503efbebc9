/** How bytes get from a sender to a receiver over one TLS connection. */
export const senderKinds = ['raw', 'ours', 'node-http2', 'node-http2-two-at-once'] as const;
export type SenderKind = (typeof senderKinds)[number];

/** `raw-copy` copies the bytes once, `skip` speaks as much HTTP/2 as it takes to be sent chunks, and looks at nothing but frame headers. */
export const receiverKinds = ['raw', 'raw-copy', 'ours', 'node-http2', 'skip'] as const;
export type ReceiverKind = (typeof receiverKinds)[number];

/** All in bytes. What a kind has no use for is ignored. */
export interface TransferSettings {
  /** Memory that a raw or skipping receiver reads into, again and again. */
  readonly readBytes: number;
  /** Bytes that a raw sender writes at a time. */
  readonly writeBytes: number;
  /** Largest frame that the receiver announces. */
  readonly frameBytes: number;
  /** Of each stream, announced by the receiver. */
  readonly streamWindowBytes: number;
  readonly connectionWindowBytes: number;
}

export interface TransferOptions {
  readonly port: number;
  readonly streams: number;
  /** Of 4 MiB, in all. */
  readonly chunks: number;
  readonly settings: TransferSettings;
}

/** What the measuring process itself used: user and system time of all its threads. */
export interface Usage {
  readonly cpuMs: number;
}

/** Calls to the process of a sender. */
export interface SenderCalls {
  listen(options: {
    readonly kind: SenderKind;
    readonly certificateFolder: string;
    readonly writeBytes: number;
  }): Promise<{
    readonly port: number;
  }>;
  /** The usage since the last call. */
  usage(): Usage;
  [method: string]: (parameter: never) => unknown;
}

/** Calls to the process of a receiver. */
export interface ReceiverCalls {
  /** Connects, warms the connection up with two chunks a stream, and receives; counts the last part only. */
  prepare(options: TransferOptions & { readonly kind: ReceiverKind }): Promise<void>;
  receive(): Promise<Usage & { readonly bytes: number; readonly durationMs: number }>;
  [method: string]: (parameter: never) => unknown;
}
