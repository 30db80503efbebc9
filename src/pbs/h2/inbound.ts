import type { Http2Settings } from '../transport/transport.ts';
import { checkControlFrame } from './control-frames.ts';
import type { StreamEnding } from './ended-streams.ts';
import { FrameReader, type FrameVisitor } from './frame-reader.ts';
import {
  DEFAULT_WINDOW_SIZE,
  frameFlags,
  frameTypes,
  pingFrame,
  windowUpdateFrame,
  type FrameHeader,
} from './frame.ts';
import { checkBlockBytes, HeaderBlock, streamDependency } from './header-block.ts';
import type { HeaderField } from './hpack/header-field.ts';
import { HpackDecoder } from './hpack/hpack-decoder.ts';
import { HpackError } from './hpack/hpack-error.ts';
import { ConnectionFault, errorCodes, StreamFault, type ErrorCode } from './http2-error.ts';
import { DEFAULT_UPDATE_THRESHOLD, ReceiveWindow } from './receive-window.ts';
import type { Http2Stream } from './stream.ts';

/** Below that, a read that brings the next frame's header too and a copy are cheaper than two reads. */
const MIN_PLACED_BYTES = 4096;

/** Largest header list that is taken where nothing else is announced. */
const MAX_HEADER_LIST_BYTES = 16_384;

/** A header list that has been decoded. */
export interface ReceivedFields {
  readonly fields: readonly HeaderField[];
  /** Cut, since it exceeds what this end announced. */
  readonly isTooLong: boolean;
  readonly isEndOfStream: boolean;
}

/** What frames do to their connection. Any of these may throw a ConnectionFault or, for its stream, a StreamFault. */
export interface InboundOwner<Stream extends Http2Stream> {
  findStream(streamId: number): Stream | undefined;
  /** Neither end has opened it. */
  isIdle(streamId: number): boolean;
  endingOf(streamId: number): StreamEnding | undefined;
  /** A header block that opens a stream, or the trailers of one; `stream` is undefined where none is open. */
  receiveFields(streamId: number, stream: Stream | undefined, received: ReceivedFields): void;
  /** END_STREAM has arrived. */
  remoteEnded(stream: Stream): void;
  receiveSettings(payload: Buffer): void;
  /** Our PING was answered. */
  receivePong(): void;
  receiveGoaway(lastStreamId: number, code: number): void;
  receiveWindowUpdate(streamId: number, increment: number): void;
  receiveReset(streamId: number, code: number): void;
  /** This stream was opened by a frame that is refused. */
  refuseOpening(streamId: number): void;
  /** Resets a stream from this end. */
  reset(streamId: number, code: ErrorCode): void;
  /** Resets a stream for what was thrown over it; throws it on where it concerns the connection. */
  streamFailed(streamId: number, error: unknown): void;
  /** Queues what a frame of the other end asks for, windows to be given back included, as long as that end reads it. */
  answer(frames: Buffer): void;
  /** Counts a frame of the kinds that come in floods. */
  countWasteful(what: string): void;
}

/** The receiving direction of a connection: what may come when (RFC 9113 sections 5 and 6), windows, header blocks. */
export class Inbound<Stream extends Http2Stream> implements FrameVisitor {
  readonly window: ReceiveWindow;
  readonly #owner: InboundOwner<Stream>;
  readonly #settings: Http2Settings;
  readonly #isClient: boolean;
  readonly #reader: FrameReader = new FrameReader(this);
  readonly #decoder: HpackDecoder;
  #hasPeerSettings = false;
  /** Until the other end knows our settings, it may use the RFC's larger default window. */
  #isAcknowledged = false;
  #block: HeaderBlock | undefined;
  /** Whose DATA frame is being read; undefined where its bytes go nowhere. */
  #receiving: Stream | undefined;

  constructor(owner: InboundOwner<Stream>, settings: Http2Settings, isClient: boolean) {
    this.#owner = owner;
    this.#settings = settings;
    this.#isClient = isClient;
    this.#decoder = new HpackDecoder({ maxListBytes: settings.maxHeaderListSize ?? MAX_HEADER_LIST_BYTES });
    this.window = this.#newWindow(Math.max(settings.connectionWindowSize, DEFAULT_WINDOW_SIZE));
  }

  get isInFrame(): boolean {
    return this.#reader.isInFrame;
  }

  streamWindow(): ReceiveWindow {
    const { initialWindowSize } = this.#settings;
    const sizeBytes = this.#isAcknowledged ? initialWindowSize : Math.max(initialWindowSize, DEFAULT_WINDOW_SIZE);
    return this.#newWindow(sizeBytes, initialWindowSize);
  }

  /**
   * Reads from `start`; returns where it stopped, which is earlier than `end` after {@link pause}.
   * @throws ConnectionFault
   */
  read(bytes: Buffer, start: number, end: number): number {
    return this.#reader.read(bytes, start, end);
  }

  /** Ends the reading after the present frame or piece. */
  pause(): void {
    this.#reader.pause();
  }

  /** Where the next bytes belong, whatever they are. */
  placeForInput(): Uint8Array | undefined {
    const left = this.#reader.dataLeft;
    return left < MIN_PLACED_BYTES ? undefined : this.#receiving?.placeForData(left);
  }

  /**
   * So many bytes have arrived in that place.
   * @throws ConnectionFault
   */
  placed(length: number): void {
    this.#receiving?.dataPlaced(length);
    this.#giveBack(this.#receiving, length);
    this.#reader.skipData(length);
  }

  /** The rest of the present DATA frame is of no use if it is this stream's. Returns whether it is. */
  stopReceiving(stream: Stream): boolean {
    if (this.#receiving !== stream) return false;
    this.#receiving = undefined;
    return true;
  }

  #newWindow(sizeBytes: number, announcedBytes: number = sizeBytes): ReceiveWindow {
    return new ReceiveWindow(sizeBytes, this.#settings.updateThreshold ?? DEFAULT_UPDATE_THRESHOLD, announcedBytes);
  }

  frameBegins(header: FrameHeader): boolean {
    const { type, flags, streamId, length } = header;
    if (length > this.#settings.maxFrameSize)
      throw new ConnectionFault(errorCodes.frameSizeError, `a frame has ${length} bytes`);
    if (!this.#hasPeerSettings && (type !== frameTypes.settings || (flags & frameFlags.ack) !== 0))
      throw new ConnectionFault(errorCodes.protocolError, 'the first frame is not SETTINGS');
    const expected = this.#block?.streamId;
    if (
      expected !== undefined
        ? type !== frameTypes.continuation || streamId !== expected
        : type === frameTypes.continuation
    )
      throw new ConnectionFault(
        errorCodes.protocolError,
        'CONTINUATION frames must follow their HEADERS, and only these',
      );
    if (type === frameTypes.data) {
      this.#tryStream(streamId, () => this.#dataBegins(header));
      return true;
    }
    if (type === frameTypes.headers || type === frameTypes.continuation || type === frameTypes.pushPromise) {
      checkBlockBytes(length);
      if (streamId === 0) throw new ConnectionFault(errorCodes.protocolError, 'a header block on stream 0');
      return true;
    }
    return checkControlFrame(header);
  }

  #dataBegins({ streamId, length }: FrameHeader): void {
    this.#receiving = undefined;
    if (streamId === 0) throw new ConnectionFault(errorCodes.protocolError, 'DATA on stream 0');
    if (!this.window.receive(length))
      throw new ConnectionFault(errorCodes.flowControlError, 'DATA beyond the window of the connection');
    const stream = this.#owner.findStream(streamId);
    if (stream === undefined) {
      this.#refuseClosed(streamId, 'DATA');
      return;
    }
    if (stream.isRemoteEnded) throw new StreamFault(streamId, errorCodes.streamClosed, 'DATA behind the end');
    if (!stream.receiveWindow.receive(length))
      throw new StreamFault(streamId, errorCodes.flowControlError, 'DATA beyond the window of its stream');
    this.#receiving = stream;
    if (length > 0) stream.bodyBegins();
  }

  /** What arrives late for a stream that this end has reset is ignored; anything else on a stream without life is not. */
  #refuseClosed(streamId: number, what: string): void {
    if (this.#owner.isIdle(streamId))
      throw new ConnectionFault(errorCodes.protocolError, `${what} on a stream never opened`);
    const how = this.#owner.endingOf(streamId);
    if (how === 'reset-here') return;
    // Section 5.1.1: streams are opened in the order of their numbers, which closes those that were left out.
    const code = how === undefined ? errorCodes.protocolError : errorCodes.streamClosed;
    throw new ConnectionFault(code, `${what} on a stream that has ended`);
  }

  dataPiece(bytes: Buffer, start: number, end: number): void {
    const stream = this.#receiving;
    // Written out, and not by #tryStream: this runs for every 16 KiB.
    try {
      stream?.receiveData(bytes, start, end);
    } catch (error) {
      this.#owner.streamFailed(stream?.id ?? 0, error);
    }
    this.#giveBack(stream, end - start);
  }

  #giveBack(stream: Stream | undefined, bytes: number): void {
    const increment = this.window.consume(bytes);
    if (increment > 0) this.#owner.answer(windowUpdateFrame(0, increment));
    const ofStream = stream?.receiveWindow.consume(bytes) ?? 0;
    // Of a stream that was given up in the meantime nothing more is wanted.
    if (stream !== undefined && ofStream > 0 && this.#receiving === stream)
      this.#owner.answer(windowUpdateFrame(stream.id, ofStream));
  }

  dataEnds({ flags, streamId, length }: FrameHeader, paddingBytes: number): void {
    const stream = this.#receiving;
    if (length === paddingBytes && (flags & frameFlags.endStream) === 0) this.#owner.countWasteful('empty DATA');
    if (paddingBytes > 0) this.#giveBack(stream, paddingBytes);
    this.#receiving = undefined;
    if (stream !== undefined && (flags & frameFlags.endStream) !== 0)
      this.#tryStream(streamId, () => this.#owner.remoteEnded(stream));
  }

  frame(header: FrameHeader, payload: Buffer): void {
    this.#tryStream(header.streamId, () => this.#take(header, payload));
  }

  #take(header: FrameHeader, payload: Buffer): void {
    const { type, flags, streamId } = header;
    switch (type) {
      case frameTypes.headers:
      case frameTypes.pushPromise:
        if (type === frameTypes.pushPromise && !this.#isClient)
          throw new ConnectionFault(errorCodes.protocolError, 'PUSH_PROMISE from a client');
        this.#takeBlock(new HeaderBlock(header, payload), flags);
        return;
      case frameTypes.continuation:
        this.#block?.continue(payload);
        if (this.#block !== undefined) this.#takeBlock(this.#block, flags);
        return;
      case frameTypes.settings:
        if ((flags & frameFlags.ack) !== 0) {
          this.#isAcknowledged = true;
          return;
        }
        this.#owner.countWasteful('SETTINGS');
        this.#hasPeerSettings = true;
        this.#owner.receiveSettings(payload);
        return;
      case frameTypes.ping:
        if ((flags & frameFlags.ack) !== 0) {
          this.#owner.receivePong();
          return;
        }
        this.#owner.countWasteful('PING');
        this.#owner.answer(pingFrame(payload, true));
        return;
      case frameTypes.goaway:
        this.#owner.receiveGoaway(payload.readUInt32BE(0) & 0x7fff_ffff, payload.readUInt32BE(4));
        return;
      case frameTypes.windowUpdate:
        this.#owner.receiveWindowUpdate(streamId, payload.readUInt32BE(0) & 0x7fff_ffff);
        return;
      case frameTypes.rstStream:
        this.#owner.receiveReset(streamId, payload.readUInt32BE(0));
        return;
      case frameTypes.priority:
        this.#owner.countWasteful('PRIORITY');
        if (header.length !== 5)
          throw new StreamFault(streamId, errorCodes.frameSizeError, 'PRIORITY is not 5 bytes long');
        if (streamDependency(payload, 0) === streamId) throw dependsOnItself(streamId);
        return;
      default:
    }
  }

  #takeBlock(block: HeaderBlock, flags: number): void {
    this.#block = (flags & frameFlags.endHeaders) === 0 ? block : undefined;
    if (this.#block !== undefined) return;
    const { streamId, isEndOfStream, promisedStreamId, dependsOnItself: isOwn } = block;
    const { fields, isTooLong } = this.#decode(block);
    if (promisedStreamId !== undefined) {
      this.#refusePush(streamId, promisedStreamId);
      return;
    }
    const stream = this.#owner.findStream(streamId);
    if (isOwn && (stream !== undefined || this.#owner.isIdle(streamId))) {
      this.#owner.refuseOpening(streamId);
      throw dependsOnItself(streamId);
    }
    if (stream === undefined && !this.#owner.isIdle(streamId)) {
      this.#refuseClosed(streamId, 'HEADERS');
      return;
    }
    if (stream?.isRemoteEnded === true)
      throw new StreamFault(streamId, errorCodes.streamClosed, 'HEADERS behind the end');
    this.#owner.receiveFields(streamId, stream, { fields, isTooLong, isEndOfStream });
  }

  /** Nobody here has a use for one. */
  #refusePush(streamId: number, promisedStreamId: number): void {
    this.#owner.countWasteful('PUSH_PROMISE');
    // Section 6.6.
    const isServers = promisedStreamId > 0 && promisedStreamId % 2 === 0;
    if (this.#owner.isIdle(streamId) || !isServers || !this.#owner.isIdle(promisedStreamId))
      throw new ConnectionFault(errorCodes.protocolError, `PUSH_PROMISE of stream ${promisedStreamId}`);
    this.#owner.reset(promisedStreamId, errorCodes.refusedStream);
  }

  #decode(block: HeaderBlock): { readonly fields: readonly HeaderField[]; readonly isTooLong: boolean } {
    try {
      return this.#decoder.decode(block.bytes);
    } catch (error) {
      if (error instanceof HpackError) throw new ConnectionFault(errorCodes.compressionError, error.message);
      throw error;
    }
  }

  #tryStream(streamId: number, step: () => void): void {
    try {
      step();
    } catch (error) {
      this.#owner.streamFailed(streamId, error);
    }
  }
}

const dependsOnItself = (streamId: number): StreamFault =>
  new StreamFault(streamId, errorCodes.protocolError, 'a stream depends on itself');
