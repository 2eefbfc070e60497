// Which programs the gateway may start as MCP servers, what they see of its environment, and how many may run.
import { z } from 'zod';
import { integer, list } from '../setting.ts';

const COMMANDS = ['node', 'npx', 'uvx', 'uv', 'python3', 'python', 'deno', 'bun', 'docker', 'podman'];

export const stdioSection = z.strictObject({
  commands: list(
    COMMANDS,
    {
      env: 'MCPGATEWAY_STDIO_COMMANDS',
      description:
        'Commands that stdio gateways may start. A name means that name and is looked up on PATH; a program given by its path is allowed only when that very path is listed. An empty list allows none. Whoever may register a gateway can run code through most of these.',
      allowed: 'a JSON array or a comma-separated list of command names and absolute paths',
    },
    z.string().min(1),
  ),
  environmentNames: list(
    [],
    {
      env: 'MCPGATEWAY_STDIO_ENV',
      description:
        'Further variables of the gateway’s own environment that its stdio processes may see. They always see PATH, HOME, the locale and their like, and what their gateway’s `env` says; nothing else.',
      allowed: 'a JSON array or a comma-separated list of variable names',
    },
    z.string().regex(/^[^=\0]+$/),
  ),
  processesMax: integer(
    200,
    { min: 1, max: 100_000 },
    {
      env: 'MCPGATEWAY_STDIO_PROCESSES_MAX',
      description: 'Processes of stdio gateways that may run at once; who needs one more is refused with 503.',
    },
  ),
  idleSeconds: integer(
    900,
    { min: 1, max: 604_800 },
    {
      env: 'MCPGATEWAY_STDIO_IDLE_SECONDS',
      description: 'Seconds after which a stdio process that nobody uses is ended. The next message starts it again.',
    },
  ),
});
