import type { Http2Settings } from '../transport/transport.ts';
import { FloodGuard } from './flood-guard.ts';
import { FrameSender, type SendLimits } from './frame-sender.ts';
import {
  DEFAULT_WINDOW_SIZE,
  frame,
  frameFlags,
  frameTypes,
  goawayFrame,
  LARGEST_WINDOW_SIZE,
  rstStreamFrame,
  windowUpdateFrame,
} from './frame.ts';
import { EndedStreams, type StreamEnding } from './ended-streams.ts';
import { HpackEncoder } from './hpack/hpack-encoder.ts';
import { ConnectionFault, errorCodes, errorName, StreamFault, type ErrorCode } from './http2-error.ts';
import { Inbound, type InboundOwner, type ReceivedFields } from './inbound.ts';
import type { ReceiveWindow } from './receive-window.ts';
import { applySettings, defaultPeerSettings, encodeSettings, type PeerSettings } from './settings.ts';
import { StreamReset, type Http2Stream } from './stream.ts';
import type { SocketPort, SocketReader } from './socket-port.ts';

/**
 * What both ends of a connection do alike (RFC 9113): frames in and out, settings, flow control, the life of streams,
 * and the errors of each. Streams and messages are the business of the two ends.
 */
export abstract class Connection<Stream extends Http2Stream> implements InboundOwner<Stream>, SocketReader {
  protected readonly streams: Map<number, Stream> = new Map();
  protected readonly ended: EndedStreams = new EndedStreams();
  protected readonly sender: FrameSender;
  protected readonly encoder: HpackEncoder = new HpackEncoder();
  protected peer: PeerSettings = defaultPeerSettings;
  /** Highest stream of the other end that was taken in. */
  protected lastPeerStreamId = 0;
  readonly #socket: SocketPort;
  readonly #isClient: boolean;
  readonly #inbound: Inbound<Stream>;
  readonly #guard: FloodGuard = new FloodGuard(() => performance.now());
  readonly #limits: SendLimits = { sendWindow: DEFAULT_WINDOW_SIZE, maxFrameSize: defaultPeerSettings.maxFrameSize };
  #isOver = false;

  constructor(socket: SocketPort, settings: Http2Settings, isClient: boolean) {
    this.#socket = socket;
    this.#isClient = isClient;
    this.#inbound = new Inbound<Stream>(this, settings, isClient);
    this.sender = new FrameSender(socket.socket, this.#limits, (stream) => this.#localEnded(stream as Stream));
    this.sender.control(frame(frameTypes.settings, 0, 0, encodeSettings(settings)));
    const { sizeBytes } = this.#inbound.window;
    if (sizeBytes > DEFAULT_WINDOW_SIZE) this.sender.control(windowUpdateFrame(0, sizeBytes - DEFAULT_WINDOW_SIZE));
  }

  abstract isIdle(streamId: number): boolean;
  abstract receiveFields(streamId: number, stream: Stream | undefined, received: ReceivedFields): void;
  abstract receiveGoaway(lastStreamId: number, code: number): void;
  /** The other end's settings have changed. */
  protected abstract settingsChanged(): void;
  /** A stream has ended in any way, and is no longer among {@link streams}. */
  protected abstract streamEnded(): void;
  /** What streams are told of the end of the connection. */
  protected abstract explainEnd(cause: Error | undefined): Error;
  /** Nothing can be sent or received any more; every stream has been told. Called once. */
  protected abstract connectionEnded(cause: Error | undefined): void;

  receivePong(): void {}

  findStream(streamId: number): Stream | undefined {
    return this.streams.get(streamId);
  }

  endingOf(streamId: number): StreamEnding | undefined {
    return this.ended.how(streamId);
  }

  protected get isOver(): boolean {
    return this.#isOver;
  }

  protected get isInFrame(): boolean {
    return this.#inbound.isInFrame;
  }

  protected get receiveWindow(): ReceiveWindow {
    return this.#inbound.window;
  }

  /** Reads from `start`; returns where it stopped: before the end where reading is paused. Never throws. */
  receive(bytes: Buffer, start: number, end: number): number {
    if (this.#isOver) return end;
    try {
      return this.#inbound.read(bytes, start, end);
    } catch (error) {
      this.fault(error);
      return end;
    }
  }

  placeForInput(): Uint8Array | undefined {
    return this.#isOver ? undefined : this.#inbound.placeForInput();
  }

  placed(length: number): void {
    try {
      this.#inbound.placed(length);
    } catch (error) {
      this.fault(error);
    }
  }

  /** Leaves what arrives in the socket until `resumed` resolves. */
  protected pauseUntil(resumed: Promise<unknown>): void {
    this.#inbound.pause();
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

  refuseOpening(streamId: number): void {
    if (!this.#isClient) this.lastPeerStreamId = Math.max(this.lastPeerStreamId, streamId);
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

  /** Ends the connection when everything sent so far has left, however long a slow reader takes for the last body. */
  protected endInOrder(): void {
    this.#end(undefined, () =>
      this.sender.drain(() => {
        this.#socket.destroySoon();
        this.#socket.finish();
      }),
    );
  }

  #end(cause: Error | undefined, close: () => void): void {
    if (this.#isOver) return;
    this.#isOver = true;
    for (const stream of this.streams.values()) {
      this.#letGo(stream);
      stream.fail(this.explainEnd(cause));
    }
    this.streams.clear();
    // A second call of either kind, or the end of the socket, finds nothing left to do.
    close();
    this.connectionEnded(cause);
  }

  protected openStream(make: (window: ReceiveWindow, sendWindow: number) => Stream): Stream {
    const stream = make(this.#inbound.streamWindow(), this.peer.initialWindowSize);
    this.streams.set(stream.id, stream);
    return stream;
  }

  /** Resets a stream from this end; harmless where it is over. */
  reset(streamId: number, code: ErrorCode): void {
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
    this.#letGo(stream);
    this.streamEnded();
  }

  /** Nothing of it is read or written any more: its memory may be somebody else's from now on. */
  #letGo(stream: Stream): void {
    if (this.#inbound.stopReceiving(stream)) this.#socket.withdrawPlace();
    this.sender.cancel(stream);
  }

  streamFailed(streamId: number, error: unknown): void {
    if (error instanceof ConnectionFault) throw error;
    // Resets that the other end provokes cost as much as those that it sends (CVE-2025-8671).
    if (error instanceof StreamFault) this.countWasteful('broken stream');
    const stream = this.streams.get(streamId);
    // Anything else is what a caller's own function threw: it has no use for the stream.
    this.reset(streamId, error instanceof StreamFault ? error.code : errorCodes.cancel);
    stream?.fail(error as Error);
  }

  /** END_STREAM has arrived. */
  remoteEnded(stream: Stream): void {
    stream.isRemoteEnded = true;
    stream.receiveEnd();
    this.endIfBothEnded(stream);
  }

  receiveSettings(payload: Buffer): void {
    const before = this.peer;
    this.peer = applySettings(before, payload, this.#isClient);
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
    this.settingsChanged();
  }

  /** @throws ConnectionFault for the kinds of frames that come in floods, when too many have come */
  countWasteful(what: string): void {
    this.#guard.count(what);
  }

  /**
   * Queues what a frame of the other end asks for, however little of it that end reads.
   * @throws ConnectionFault
   */
  answer(frames: Buffer): void {
    if (!this.sender.canTakeControl)
      throw new ConnectionFault(errorCodes.enhanceYourCalm, 'the answers to frames are not read');
    this.sender.control(frames);
  }

  receiveWindowUpdate(streamId: number, increment: number): void {
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

  receiveReset(streamId: number, code: number): void {
    if (this.isIdle(streamId))
      throw new ConnectionFault(errorCodes.protocolError, 'RST_STREAM on a stream never opened');
    const stream = this.streams.get(streamId);
    this.countWasteful('RST_STREAM');
    this.#forget(streamId, 'done');
    stream?.fail(new StreamReset(code, errorName(code)));
  }
}
