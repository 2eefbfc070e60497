export { openLog, type LogDestination, type OpenLog } from './open-log.ts';
