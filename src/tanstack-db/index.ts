/**
 * Tidemark as a collection of TanStack DB: live queries, joins and optimistic writes over a replica.
 *
 * @module
 */
export { type TidemarkCollectionConfig, type TidemarkUtils, tidemarkCollectionOptions } from "./options.ts";
export { RejectedError, tidemarkMutationFn } from "./persist.ts";
export type { Row } from "./row.ts";
