// A two-way line to one upstream over which whole messages travel one by one, in no request's frame: the stdio of a process, or
// the pair of HTTP+SSE. What is said over it – sessions, calls, answers – is channel-link.ts's business; a channel knows bytes only.
import type { AppError } from '#base/kernel';
import type { UpstreamTarget } from '#base/protocol';

/** Hears of a channel. Nothing is called before `open` has returned, and nothing after `closed`. */
export interface ChannelListener {
  /** One message (or an array of messages) of the upstream, as latin1 text: a whole line, or the data of one event. */
  message(text: string): void;
  /**
   * The line is gone, whoever ended it. Called exactly once, also after `close`.
   * @param error what happened, in words for a caller, with the end of stderr where there is one
   */
  closed(error: AppError): void;
}

export interface MessageChannel {
  /**
   * Sends one message; those sent before the line stands are sent when it does.
   * @param onRefused called when this message, and only this one, was refused by the other side (HTTP+SSE: a POST answered 4xx/5xx)
   */
  send(message: Buffer, onRefused?: (error: AppError) => void): void;
  /** Reads no more until `resume`: the receiver is full. */
  pause(): void;
  resume(): void;
  /** Ends it: gently first, then by force. Resolves when nothing of it is left – no process, no descriptor, no timer. */
  close(): Promise<void>;
}

export interface ChannelOpener {
  /**
   * Starts to open a line; how that ends is told to the listener (a failure is `closed`).
   * @param headers further headers to send with every request, flat names and values; stdio ignores them
   * Throws AppError only for what is known at once: `upstream.command_refused`, `limit.processes`.
   */
  open(target: UpstreamTarget, headers: readonly string[], listener: ChannelListener): MessageChannel;
}
