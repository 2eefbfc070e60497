export { type CliCommands, type CliSurroundings, type RunningGateway, type StdioWords } from './commands.ts';
export { type ExaminedGateway } from './doctor.ts';
export { processSurroundings, runCli } from './run-cli.ts';
export { packageVersion } from './version.ts';
