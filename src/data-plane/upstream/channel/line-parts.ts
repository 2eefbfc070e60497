// What sessions and shared lines need of the house around them.
import type { Logger } from '#base/kernel';
import type { UpstreamRow } from '#data-plane/gateway';
import type { HealthBook } from '../health.ts';
import { ChannelLink, type LinkOwner } from './channel-link.ts';
import type { ChannelOpener } from './message-channel.ts';
import { AppError } from '#base/kernel';

export interface LineParts {
  readonly opener: ChannelOpener;
  readonly health: HealthBook;
  readonly logger: Logger;
  /** How long the gateway waits for an answer to a handshake of its own. */
  readonly handshakeTimeoutMs: number;
  /** An upstream has said that its lists are others now, to nobody but the gateway. */
  readonly onListChanged?: ((upstreamId: string) => void) | undefined;
}

/**
 * Opens a line to an upstream unless it is down.
 * Throws AppError `upstream.down`, `upstream.command_refused` or `limit.processes`.
 */
export function openLink(parts: LineParts, owner: LinkOwner, upstream: UpstreamRow, headers: readonly string[], isShared: boolean): ChannelLink {
  const { opener, health, logger } = parts;
  const refusal = health.admit(upstream.id);
  if (refusal !== undefined) throw new AppError('upstream.down', `Gateway "${upstream.name}" is down: ${refusal}`);
  try {
    return new ChannelLink(owner, { opener, target: upstream, headers, logger, isShared });
  } catch (error) {
    health.released(upstream.id);
    throw error;
  }
}

/** Of an upstream as it is now: a line opened for another command or address is not the one to use. */
export function lineKey(upstream: UpstreamRow): string {
  let key = keys.get(upstream);
  if (key === undefined) {
    const { transport, url, process, headers } = upstream;
    keys.set(upstream, (key = JSON.stringify([transport, url, process ?? null, headers])));
  }
  return key;
}

const keys = new WeakMap<UpstreamRow, string>();
