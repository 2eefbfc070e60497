// Opens upstreams that are programs: checks what may be started, counts what runs, and sees that none of it outlives the gateway.
import { processEnvironment, type Environment } from '#base/config';
import { AppError, type Logger } from '#base/kernel';
import type { ProcessSpec } from '#base/protocol';
import type { ChannelOpener } from '../channel/message-channel.ts';
import { childEnvironment } from './child-environment.ts';
import type { ChildJournal } from './child-journal.ts';
import { checkCommand } from './command-policy.ts';
import { StdioChannel } from './stdio-channel.ts';

export interface StdioSettings {
  /** Names and paths of programs that may be started. */
  readonly commands: readonly string[];
  /** Further variables of the gateway's environment that children may see. */
  readonly environmentNames: readonly string[];
  readonly processesMax: number;
}

export interface StdioOpenerParts {
  readonly settings: StdioSettings;
  readonly journal: ChildJournal;
  readonly logger: Logger;
  /** The gateway's own; only the allow-listed part of it reaches a child. */
  readonly environment?: Environment;
}

export interface StdioOpener extends ChannelOpener {
  /** Processes that run, or of which something is left. */
  readonly processCount: number;
  /** Throws AppError `upstream.command_refused`. */
  check(spec: Pick<ProcessSpec, 'command'>): void;
  /** Ends every process; nothing is opened any more. Resolves when nothing of them is left. */
  close(): Promise<void>;
}

export function createStdioOpener({ settings, journal, logger, environment = processEnvironment() }: StdioOpenerParts): StdioOpener {
  const channels = new Set<StdioChannel>();
  let isClosed = false;
  /** An uncaught error leaves no time to be gentle. */
  const killAll = (): void => channels.forEach((channel) => channel.killNow());
  process.on('exit', killAll);

  const check = (spec: Pick<ProcessSpec, 'command'>): void => checkCommand(spec.command, settings.commands);

  return {
    get processCount() {
      return channels.size;
    },
    check,
    open: (target, _headers, listener) => {
      const { name, process: spec } = target;
      if (spec === undefined) throw new AppError('internal', 'The gateway made an error.', { internal: `"${name}" has no command to start` });
      if (isClosed) throw new AppError('gateway.stopping', 'The gateway is shutting down.');
      check(spec);
      if (channels.size >= settings.processesMax) {
        throw new AppError('limit.processes', `Gateway "${name}": ${channels.size} stdio processes run already (MCPGATEWAY_STDIO_PROCESSES_MAX).`);
      }
      const channel = new StdioChannel({
        name,
        spec,
        environment: childEnvironment(environment, settings.environmentNames, spec.env),
        listener,
        journal,
        logger,
        onGone: () => channels.delete(channel),
      });
      channels.add(channel);
      return channel;
    },
    close: async () => {
      isClosed = true;
      await Promise.all([...channels].map((channel) => channel.close()));
      process.off('exit', killAll);
    },
  };
}
