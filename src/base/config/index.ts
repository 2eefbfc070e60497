export { type Config } from './config.ts';
export { type Fault } from './fault.ts';
export { isConfigFault, loadConfig, processEnvironment, type LoadedConfig, type LoadOptions } from './load-config.ts';
export { nearestName } from './near-name.ts';
export { NOT_APPLICABLE, type NotApplicable } from './not-applicable.ts';
export { SETTINGS, type Setting } from './schema.ts';
export { secretsFileOf } from './secrets-file.ts';
export { type Environment, type Origin, type SourceKind } from './sources.ts';
