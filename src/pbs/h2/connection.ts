import type { Http2Settings } from '../transport/transport.ts';
import { FloodGuard } from './flood-guard.ts';
import { FrameReader, type FrameVisitor } from './frame-reader.ts';
import { FrameSender } from './frame-sender.ts';
import {
  DEFAULT_WINDOW_SIZE,
  frame,
  frameFlags,
  frameTypes,
  goawayFrame,
  LARGEST_WINDOW_SIZE,
  pingFrame,
  rstStreamFrame,
  windowUpdateFrame,
  type FrameHeader,
} from './frame.ts';
import { checkBlockBytes, HeaderBlock, streamDependency } from './header-block.ts';
import { checkControlFrame } from './control-frames.ts';
import { EndedStreams } from './ended-streams.ts';
import type { HeaderField } from './hpack/header-field.ts';
import { HpackDecoder } from './hpack/hpack-decoder.ts';
import { HpackEncoder } from './hpack/hpack-encoder.ts';
import { HpackError } from './hpack/hpack-error.ts';
import { ConnectionFault, errorCodes, errorName, StreamFault, type ErrorCode } from './http2-error.ts';
import { DEFAULT_UPDATE_THRESHOLD, ReceiveWindow } from './receive-window.ts';
import { applySettings, defaultPeerSettings, encodeSettings, type PeerSettings } from './settings.ts';
import { StreamReset, type Http2Stream } from './stream.ts';
import type { SocketPort, SocketReader } from './socket-port.ts';

/** Below that, a read that brings the next frame's header too and a copy are cheaper than two reads. */
const MIN_PLACED_BYTES = 4096;

/** A header list that has been decoded. */
export interface ReceivedFields {
  readonly fields: readonly HeaderField[];
  /** Cut, since it exceeds what this end announced. */
  readonly isTooLong: boolean;
  readonly isEndOfStream: boolean;
}

/** Largest header list that is taken where nothing else is announced. */
const MAX_HEADER_LIST_BYTES = 16_384;

/**
 * What both ends of a connection do alike (RFC 9113): frames in and out, settings, flow control, the life of streams,
 * and the errors of each. Streams and messages are the business of the two ends.
 */
export abstract class Connection<Stream extends Http2Stream> implements FrameVisitor, SocketReader {
  protected readonly streams: Map<number, Stream> = new Map();
  protected readonly ended: EndedStreams = new EndedStreams();
  protected readonly sender: FrameSender;
  protected readonly encoder: HpackEncoder = new HpackEncoder();
  protected peer: PeerSettings = defaultPeerSettings;
  /** Highest stream of the other end that was taken in. */
  protected lastPeerStreamId = 0;
  readonly #socket: SocketPort;
  readonly #settings: Http2Settings;
  readonly #isClient: boolean;
  readonly #reader: FrameReader;
  readonly #decoder: HpackDecoder;
  readonly #window: ReceiveWindow;
  readonly #guard: FloodGuard;
  readonly #limits: { sendWindow: number; maxFrameSize: number };
  #hasPeerSettings = false;
  /** Until the other end knows our settings, it may use the RFC's larger default window. */
  #isAcknowledged = false;
  #block: HeaderBlock | undefined;
  /** Whose DATA frame is being read; undefined where its bytes go nowhere. */
  #receiving: Stream | undefined;
  #isOver = false;

  constructor(socket: SocketPort, settings: Http2Settings, isClient: boolean) {
    this.#socket = socket;
    this.#settings = settings;
    this.#isClient = isClient;
    this.#reader = new FrameReader(this);
    this.#decoder = new HpackDecoder({ maxListBytes: settings.maxHeaderListSize ?? MAX_HEADER_LIST_BYTES });
    this.#window = new ReceiveWindow(
      Math.max(settings.connectionWindowSize, DEFAULT_WINDOW_SIZE),
      settings.updateThreshold ?? DEFAULT_UPDATE_THRESHOLD,
    );
    this.#guard = new FloodGuard(() => performance.now());
    this.#limits = { sendWindow: DEFAULT_WINDOW_SIZE, maxFrameSize: this.peer.maxFrameSize };
    this.sender = new FrameSender(socket.socket, this.#limits, (stream) => this.#localEnded(stream as Stream));
    this.sender.control(frame(frameTypes.settings, 0, 0, encodeSettings(settings)));
    if (this.#window.sizeBytes > DEFAULT_WINDOW_SIZE)
      this.sender.control(windowUpdateFrame(0, this.#window.sizeBytes - DEFAULT_WINDOW_SIZE));
  }

  /** A header block that opens a stream, or the trailers of one; `stream` is undefined where none is open. */
  protected abstract receiveFields(streamId: number, stream: Stream | undefined, received: ReceivedFields): void;
  protected abstract receiveGoaway(lastStreamId: number, code: number): void;
  /** The other end's settings have changed. */
  protected abstract receiveSettings(): void;
  /** A stream has ended in any way, and is no longer among {@link streams}. */
  protected abstract streamEnded(): void;
  /** What streams are told of the end of the connection. */
  protected abstract explainEnd(cause: Error | undefined): Error;
  /** Nothing can be sent or received any more; every stream has been told. Called once. */
  protected abstract connectionEnded(cause: Error | undefined): void;
  /** Our PING was answered. */
  protected receivePong(): void {}

  protected get isOver(): boolean {
    return this.#isOver;
  }

  protected get isInFrame(): boolean {
    return this.#reader.isInFrame;
  }

  protected get receiveWindow(): ReceiveWindow {
    return this.#window;
  }

  /** Reads from `start`; returns where it stopped: before the end where reading is paused. Never throws. */
  receive(bytes: Buffer, start: number, end: number): number {
    if (this.#isOver) return end;
    try {
      return this.#reader.read(bytes, start, end);
    } catch (error) {
      this.fault(error);
      return end;
    }
  }

  placeForInput(): Uint8Array | undefined {
    const left = this.#reader.dataLeft;
    return left < MIN_PLACED_BYTES || this.#isOver ? undefined : this.#receiving?.placeForData(left);
  }

  placed(length: number): void {
    const stream = this.#receiving;
    stream?.dataPlaced(length);
    this.#giveBack(stream, length);
    try {
      this.#reader.skipData(length);
    } catch (error) {
      this.fault(error);
    }
  }

  /** Leaves what arrives in the socket until `resumed` resolves. */
  protected pauseUntil(resumed: Promise<unknown>): void {
    this.#reader.pause();
    const resume = (): void => this.#socket.resumeInput();
    this.#socket.pauseInput();
    resumed.then(resume, resume);
  }

  /** The socket has ended or failed. */
  socketEnded(cause: Error | undefined): void {
    this.#end(cause, () => this.#socket.destroy());
  }

  /** Tells the other end what it did wrong, and ends the connection. */
  protected fault(error: unknown): void {
    const fault =
      error instanceof ConnectionFault
        ? error
        : new ConnectionFault(errorCodes.internalError, error instanceof Error ? error.message : String(error));
    this.goaway(fault.code);
    this.#end(fault, () => this.#finish());
  }

  protected goaway(code: ErrorCode, lastStreamId: number = this.lastPeerStreamId): void {
    this.sender.control(goawayFrame(lastStreamId, code));
  }

  /** Ends the connection at once; the other end is told as far as the socket takes it. */
  protected endNow(): void {
    this.goaway(errorCodes.noError);
    this.#end(undefined, () => this.#drain(() => this.#socket.destroy()));
  }

  #finish(): void {
    this.#drain(() => this.#socket.finish());
  }

  /** The other end may leave unread what is to leave first. */
  #drain(close: () => void): void {
    this.#socket.destroySoon();
    this.sender.drain(close);
  }

  /** Ends the connection when everything sent so far has left. */
  protected endInOrder(): void {
    this.#end(undefined, () => this.#finish());
  }

  #end(cause: Error | undefined, close: () => void): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#stopReceiving();
    for (const stream of this.streams.values()) {
      this.sender.cancel(stream);
      stream.fail(this.explainEnd(cause));
    }
    this.streams.clear();
    // A second call of either kind, or the end of the socket, finds nothing left to do.
    close();
    this.connectionEnded(cause);
  }

  protected openStream(make: (window: ReceiveWindow, sendWindow: number) => Stream): Stream {
    const { initialWindowSize, updateThreshold = DEFAULT_UPDATE_THRESHOLD } = this.#settings;
    const size = this.#isAcknowledged ? initialWindowSize : Math.max(initialWindowSize, DEFAULT_WINDOW_SIZE);
    const stream = make(new ReceiveWindow(size, updateThreshold), this.peer.initialWindowSize);
    this.streams.set(stream.id, stream);
    return stream;
  }

  /** Resets a stream from this end; harmless where it is over. */
  protected reset(streamId: number, code: ErrorCode): void {
    this.sender.control(rstStreamFrame(streamId, code));
    this.#forget(streamId, 'reset-here');
  }

  /** Ends a stream where both sides have. */
  protected endIfBothEnded(stream: Stream): void {
    if (stream.isRemoteEnded && stream.isLocalEnded) this.#forget(stream.id, 'done');
  }

  #localEnded(stream: Stream): void {
    stream.isLocalEnded = true;
    this.endIfBothEnded(stream);
  }

  #forget(streamId: number, how: 'reset-here' | 'done'): void {
    const stream = this.streams.get(streamId);
    this.ended.add(streamId, how);
    if (stream === undefined) return;
    this.streams.delete(streamId);
    if (this.#receiving === stream) this.#stopReceiving();
    this.sender.cancel(stream);
    this.streamEnded();
  }

  /** The rest of the present DATA frame is of no use; its destination may be somebody else's from now on. */
  #stopReceiving(): void {
    this.#receiving = undefined;
    this.#socket.withdrawPlace();
  }

  #tryStream(streamId: number, step: () => void): void {
    try {
      step();
    } catch (error) {
      this.#streamFailed(streamId, error);
    }
  }

  #streamFailed(streamId: number, error: unknown): void {
    if (error instanceof ConnectionFault) throw error;
    // Resets that the other end provokes cost as much as those that it sends (CVE-2025-8671).
    if (error instanceof StreamFault) this.countWasteful('broken stream');
    const stream = this.streams.get(streamId);
    // Anything else is what a caller's own function threw: it has no use for the stream.
    this.reset(streamId, error instanceof StreamFault ? error.code : errorCodes.cancel);
    stream?.fail(error as Error);
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
    if (!this.#window.receive(length))
      throw new ConnectionFault(errorCodes.flowControlError, 'DATA beyond the window of the connection');
    const stream = this.streams.get(streamId);
    if (stream === undefined) {
      this.#refuseClosed(streamId, 'DATA');
      return;
    }
    if (stream.isRemoteEnded) throw new StreamFault(streamId, errorCodes.streamClosed, 'DATA behind the end');
    if (!stream.receiveWindow.receive(length))
      throw new StreamFault(streamId, errorCodes.flowControlError, 'DATA beyond the window of its stream');
    this.#receiving = stream;
  }

  /** What arrives late for a stream that this end has reset is ignored; anything else on a stream without life is not. */
  #refuseClosed(streamId: number, what: string): void {
    if (this.isIdle(streamId)) throw new ConnectionFault(errorCodes.protocolError, `${what} on a stream never opened`);
    const how = this.ended.how(streamId);
    if (how === 'reset-here') return;
    // Section 5.1.1: streams are opened in the order of their numbers, which closes those that were left out.
    const code = how === undefined ? errorCodes.protocolError : errorCodes.streamClosed;
    throw new ConnectionFault(code, `${what} on a stream that has ended`);
  }

  /** Neither end has opened it. */
  protected abstract isIdle(streamId: number): boolean;

  dataPiece(bytes: Buffer, start: number, end: number): void {
    const stream = this.#receiving;
    // Written out, and not by #tryStream: this runs for every 16 KiB.
    try {
      stream?.receiveData(bytes, start, end);
    } catch (error) {
      this.#streamFailed(stream?.id ?? 0, error);
    }
    this.#giveBack(stream, end - start);
  }

  #giveBack(stream: Stream | undefined, bytes: number): void {
    const increment = this.#window.consume(bytes);
    if (increment > 0) this.sender.control(windowUpdateFrame(0, increment));
    const ofStream = stream?.receiveWindow.consume(bytes) ?? 0;
    // Of a stream that was given up in the meantime nothing more is wanted.
    if (stream !== undefined && ofStream > 0 && this.#receiving === stream)
      this.sender.control(windowUpdateFrame(stream.id, ofStream));
  }

  dataEnds({ flags, streamId, length }: FrameHeader, paddingBytes: number): void {
    const stream = this.#receiving;
    if (length === paddingBytes && (flags & frameFlags.endStream) === 0) this.countWasteful('empty DATA');
    if (paddingBytes > 0) this.#giveBack(stream, paddingBytes);
    this.#receiving = undefined;
    if (stream !== undefined && (flags & frameFlags.endStream) !== 0)
      this.#tryStream(streamId, () => this.remoteEnded(stream));
  }

  /** END_STREAM has arrived. */
  protected remoteEnded(stream: Stream): void {
    stream.isRemoteEnded = true;
    stream.receiveEnd();
    this.endIfBothEnded(stream);
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
        this.#takeSettings(flags, payload);
        return;
      case frameTypes.ping:
        if ((flags & frameFlags.ack) !== 0) {
          this.receivePong();
          return;
        }
        this.countWasteful('PING');
        this.answer(pingFrame(payload, true));
        return;
      case frameTypes.goaway:
        this.receiveGoaway(payload.readUInt32BE(0) & 0x7fff_ffff, payload.readUInt32BE(4));
        return;
      case frameTypes.windowUpdate:
        this.#takeWindowUpdate(streamId, payload.readUInt32BE(0) & 0x7fff_ffff);
        return;
      case frameTypes.rstStream:
        this.#takeReset(streamId, payload.readUInt32BE(0));
        return;
      case frameTypes.priority:
        this.countWasteful('PRIORITY');
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
    const stream = this.streams.get(streamId);
    if (isOwn && (stream !== undefined || this.isIdle(streamId))) {
      this.lastPeerStreamId = Math.max(this.lastPeerStreamId, this.#isClient ? 0 : streamId);
      throw dependsOnItself(streamId);
    }
    if (stream === undefined && !this.isIdle(streamId)) {
      this.#refuseClosed(streamId, 'HEADERS');
      return;
    }
    if (stream?.isRemoteEnded === true)
      throw new StreamFault(streamId, errorCodes.streamClosed, 'HEADERS behind the end');
    this.receiveFields(streamId, stream, { fields, isTooLong, isEndOfStream });
  }

  /** Nobody here has a use for one. */
  #refusePush(streamId: number, promisedStreamId: number): void {
    this.countWasteful('PUSH_PROMISE');
    // Section 6.6.
    const isServers = promisedStreamId > 0 && promisedStreamId % 2 === 0;
    if (this.isIdle(streamId) || !isServers || !this.isIdle(promisedStreamId))
      throw new ConnectionFault(errorCodes.protocolError, `PUSH_PROMISE of stream ${promisedStreamId}`);
    this.reset(promisedStreamId, errorCodes.refusedStream);
  }

  #decode(block: HeaderBlock): { readonly fields: readonly HeaderField[]; readonly isTooLong: boolean } {
    try {
      return this.#decoder.decode(block.bytes);
    } catch (error) {
      if (error instanceof HpackError) throw new ConnectionFault(errorCodes.compressionError, error.message);
      throw error;
    }
  }

  #takeSettings(flags: number, payload: Buffer): void {
    if ((flags & frameFlags.ack) !== 0) {
      this.#isAcknowledged = true;
      return;
    }
    this.countWasteful('SETTINGS');
    const before = this.peer;
    this.peer = applySettings(before, payload, this.#isClient);
    this.#hasPeerSettings = true;
    this.#limits.maxFrameSize = this.peer.maxFrameSize;
    if (this.peer.headerTableSize !== before.headerTableSize) this.encoder.setMaxTableBytes(this.peer.headerTableSize);
    const growth = this.peer.initialWindowSize - before.initialWindowSize;
    for (const stream of this.streams.values()) {
      stream.sendWindow += growth;
      if (stream.sendWindow > LARGEST_WINDOW_SIZE)
        throw new ConnectionFault(errorCodes.flowControlError, 'SETTINGS make a window too large');
    }
    this.answer(frame(frameTypes.settings, frameFlags.ack, 0, Buffer.alloc(0)));
    this.sender.windowsChanged();
    this.receiveSettings();
  }

  /** @throws ConnectionFault for the kinds of frames that come in floods, when too many have come */
  protected countWasteful(what: string): void {
    this.#guard.count(what);
  }

  /**
   * Queues what a frame of the other end asks for, however little of it that end reads.
   * @throws ConnectionFault
   */
  protected answer(frames: Buffer): void {
    if (!this.sender.canTakeControl)
      throw new ConnectionFault(errorCodes.enhanceYourCalm, 'the answers to frames are not read');
    this.sender.control(frames);
  }

  #takeWindowUpdate(streamId: number, increment: number): void {
    const stream = this.streams.get(streamId);
    if (streamId !== 0 && this.isIdle(streamId))
      throw new ConnectionFault(errorCodes.protocolError, 'WINDOW_UPDATE on a stream never opened');
    if (increment === 0) {
      if (streamId === 0) throw new ConnectionFault(errorCodes.protocolError, 'WINDOW_UPDATE by 0');
      if (stream !== undefined) throw new StreamFault(streamId, errorCodes.protocolError, 'WINDOW_UPDATE by 0');
    }
    if (streamId === 0) {
      this.#limits.sendWindow += increment;
      if (this.#limits.sendWindow > LARGEST_WINDOW_SIZE)
        throw new ConnectionFault(errorCodes.flowControlError, 'the window of the connection grows too large');
    } else if (stream !== undefined) {
      stream.sendWindow += increment;
      if (stream.sendWindow > LARGEST_WINDOW_SIZE)
        throw new StreamFault(streamId, errorCodes.flowControlError, 'the window of a stream grows too large');
    }
    this.sender.windowsChanged();
  }

  #takeReset(streamId: number, code: number): void {
    if (this.isIdle(streamId))
      throw new ConnectionFault(errorCodes.protocolError, 'RST_STREAM on a stream never opened');
    const stream = this.streams.get(streamId);
    this.countWasteful('RST_STREAM');
    this.#forget(streamId, 'done');
    stream?.fail(new StreamReset(code, errorName(code)));
  }
}

const dependsOnItself = (streamId: number): StreamFault =>
  new StreamFault(streamId, errorCodes.protocolError, 'a stream depends on itself');
