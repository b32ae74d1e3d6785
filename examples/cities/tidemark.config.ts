import { collection, defineConfig } from "tidemark/server";
import { z } from "zod";

/** A city of GeoNames. `population` is not in the data: it is there for you to fill in. */
export const City = z.object({
  id: z.string(),
  name: z.string().min(1),
  country: z.string().regex(/^[A-Z]{2}$/),
  /** First and second administrative division, as GeoNames codes them. */
  admin1: z.string().optional(),
  admin2: z.string().optional(),
  lat: z.number().min(-90).max(90),
  lng: z.number().min(-180).max(180),
  population: z.int().min(0).optional(),
});

export default defineConfig({
  spaces: ["cities"],
  collections: {
    // One scope a country: a client that follows `country/DE` holds the German cities and nothing else.
    cities: collection({ schema: City, scopes: (city) => [`country/${city.country}`] }),
  },
});
