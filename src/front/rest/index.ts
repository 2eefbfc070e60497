export { type RestAppParts, type RestSettings } from './rest-app-parts.ts';
export { createRestFront, type RestFront } from './rest-front.ts';
