// One request of the gateway's own to an upstream and its whole answer, awaited: a handshake, a notification, an answer to a question.
import { AppError } from '#base/kernel';
import { scanMessage } from '#base/protocol';
import type { UpstreamCall, UpstreamObserver, UpstreamPort, UpstreamRequest } from '#data-plane/gateway';

const BODY_MAX = 1024 * 1024;
/** An upstream that has answered should close the stream; one that does not must not keep the connection. */
const LINGER_MS = 1000;

export interface Asked {
  readonly status: number;
  /** The answering message as latin1; '' when none came, as for a notification. */
  readonly text: string;
}

/** Throws AppError as the upstream's adapter does, `upstream.timeout` after `timeoutMs`, `upstream.too_large`. */
export function askOnce(port: UpstreamPort, request: UpstreamRequest, timeoutMs: number, observer?: UpstreamObserver): Promise<Asked> {
  return new Promise((resolve, reject) => {
    let status = 0;
    const parts: string[] = [];
    let size = 0;
    let isOver = false;
    let hasEnded = false;
    let call: UpstreamCall | undefined;
    const settle = (act: () => void): void => {
      if (isOver) return;
      isOver = true;
      clearTimeout(timer);
      act();
    };
    const fail = (error: AppError): void => settle(() => reject(error));
    const giveUp = (error: AppError): void => {
      fail(error);
      hasEnded = true;
      call?.cancel();
    };
    const timer = setTimeout(() => {
      giveUp(new AppError('upstream.timeout', `Gateway "${request.upstream.name}" did not answer in time.`));
    }, timeoutMs);
    call = port.open(
      request,
      {
        head: (head) => {
          status = head.status;
        },
        chunk: (bytes) => {
          size += bytes.length;
          if (size > BODY_MAX)
            giveUp(new AppError('upstream.too_large', `An answer of gateway "${request.upstream.name}" is larger than ${BODY_MAX} bytes.`));
          else parts.push(bytes.toString('latin1'));
          return true;
        },
        event: ({ data }) => {
          if (isOver || data === undefined || !isResponse(data)) return true;
          settle(() => resolve({ status, text: data }));
          setTimeout(() => {
            if (!hasEnded) call?.cancel();
          }, LINGER_MS).unref();
          return true;
        },
        end: () => {
          hasEnded = true;
          settle(() => resolve({ status, text: parts.join('') }));
        },
        fail: (error) => {
          hasEnded = true;
          fail(error);
        },
      },
      observer,
    );
  });
}

function isResponse(data: string): boolean {
  try {
    return scanMessage(data).kind === 'response';
  } catch {
    return false;
  }
}
