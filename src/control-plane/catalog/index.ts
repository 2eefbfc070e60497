export { createCatalog, type Catalog, type CatalogParts } from './catalog.ts';
