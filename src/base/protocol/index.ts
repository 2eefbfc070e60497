export {
  type ReadStep,
  type ReadTool,
  type UpstreamDescription,
  type UpstreamHealth,
  type UpstreamHealthView,
  type UpstreamReader,
  type UpstreamState,
  type UpstreamTarget,
} from './upstream-reader.ts';
