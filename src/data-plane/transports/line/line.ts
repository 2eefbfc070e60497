// What a line is to those on both sides of it: the door that keeps its far end, and the client that speaks for it.
import type { IncomingHttpHeaders } from 'node:http';
import type { AppError } from '#base/kernel';
import type { Envelope } from '#base/protocol';
import type { Era } from '#data-plane/gateway';
import type { Delivery } from './line-answer.ts';

/** The far end of the line, kept by a door. */
export interface Line {
  /**
   * One message, its bytes spelt as latin1, without line breaks.
   * @returns false when the line is full; the door calls `hasRoom` of the client when it is not
   */
  send(message: string): boolean;
  /** Nobody can be served on this line any more: the token is no longer good, the server gone. */
  lost(error: AppError): void;
}

export interface LineSettings {
  readonly serverId: string;
  /** Key of the principal who opened the line. */
  readonly onlyFor: string;
  /** What the opener sent along; messages may bring their own. */
  readonly headers: IncomingHttpHeaders;
  readonly clientAddress: string;
}

/** What came with one message. */
export interface Sent {
  readonly headers: IncomingHttpHeaders;
  readonly clientAddress: string;
  readonly delivery?: Delivery;
}

/** A message of the client on its way. */
export interface LineRequest {
  readonly text: string;
  readonly envelope: Envelope;
  readonly sent: Sent;
  /** Its session was opened anew for it. */
  readonly isSecondTry?: true;
  /** The session it was sent in. */
  readonly sessionId?: string | undefined;
}

export function eraOf(envelope: Envelope): Era {
  return envelope.protocolVersion === undefined ? 'legacy' : 'modern';
}
