// `mcpgateway config` and `mcpgateway doctor`: what applies, and what is wrong. Neither writes anything.
import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { secretsFileOf, type LoadedConfig } from '#base/config';
import { allowCommandsOf } from './bring-up.ts';
import type { CliCommands, CliSurroundings } from './commands.ts';
import { doctorJson, doctorText, isWell } from './doctor-report.ts';
import { thisMachine } from './doctor-machine.ts';
import { runDoctor } from './doctor.ts';
import { painter, wantsColour } from './paint.ts';
import { settingsJson, settingsText, shownSettings } from './show-config.ts';

export interface Diagnosis {
  readonly io: CliSurroundings;
  readonly commands: Pick<CliCommands, 'examine'>;
  readonly load: (flags: { readonly configFile?: string }, more: { readonly keepsSecrets: boolean }) => LoadedConfig;
  readonly endWith: (code: number) => void;
}

interface ConfigFlags {
  readonly configFile?: string;
  readonly json?: boolean;
  readonly changed?: boolean;
}
interface DoctorFlags {
  readonly configFile?: string;
  readonly config?: string;
  readonly json?: boolean;
}

export function describeConfig(command: Command, { io, load }: Diagnosis): void {
  command
    .description('show the settings that apply and where each comes from')
    .option('--changed', 'only those that somebody has set')
    .option('--json', 'as JSON')
    .action((flags: ConfigFlags) => {
      const loaded = loadUntouched(load, flags);
      const settings = shownSettings(loaded, flags.changed === true);
      io.out(flags.json === true ? settingsJson(settings) : settingsText(settings, painter(wantsColour(io))));
      for (const warning of loaded.warnings) io.err(`Warning: ${warning}\n`);
      for (const notice of loaded.notices) io.err(`Note: ${notice}\n`);
    });
}

export function describeDoctor(command: Command, { io, commands, load, endWith }: Diagnosis): void {
  command
    .description('find out what is wrong and what to do; ends with 1 if something is')
    .option('--config <path>', 'look at this mcp.json as well')
    .option('--json', 'as JSON')
    .action(async (flags: DoctorFlags) => {
      const checks = await runDoctor({
        machine: thisMachine(io.env),
        env: io.env,
        cwd: io.cwd,
        mcpConfig: flags.config,
        load: () => load(flags, { keepsSecrets: false }),
        examine: (mcp) => {
          const loaded = loadUntouched(load, flags);
          return commands.examine(mcp === undefined ? loaded : allowCommandsOf(mcp, loaded));
        },
      });
      io.out(flags.json === true ? doctorJson(checks) : doctorText(checks, painter(wantsColour(io))));
      if (!isWell(checks)) endWith(1);
    });
}

/** Secrets that were generated are read, and none are made where there are none. */
function loadUntouched(load: Diagnosis['load'], flags: { readonly configFile?: string }): LoadedConfig {
  const loaded = load(flags, { keepsSecrets: false });
  const { path } = loaded.config.database;
  return path !== undefined && existsSync(secretsFileOf(path)) ? load(flags, { keepsSecrets: true }) : loaded;
}
