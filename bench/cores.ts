// Which core is whose: what is measured is alone on one.
export const PROXY_CORE = 0;
export const LOAD_CORE = 1;
