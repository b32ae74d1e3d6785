import { typedHooks } from "tidemark/react";
import type { collections } from "../collections.ts";

export const { TidemarkProvider, useQuery, useRecord, useStatus } = typedHooks<typeof collections>();
