// What server and browser both know.
import { collection } from "tidemark";
import { z } from "zod";

/** One person, made of what up to three systems say of them. */
export const Customer = z.object({
  id: z.string(),
  given: z.string().nullish(),
  family: z.string().nullish(),
  email: z.string().nullish(),
  /** E.164, `+4915123456789`. */
  phone: z.string().nullish(),
  born: z.iso.date().nullish(),
  company: z.string().nullish(),
  city: z.string().nullish(),
  /** Which systems know this person: `crm`, `survey`, `web`. */
  sources: z.array(z.string()).nullish(),
  /** The first day that any system knew them. */
  since: z.iso.date().nullish(),
  /** 0 to 10: how likely they would recommend us, by their last answer. */
  score: z.int().min(0).max(10).nullish(),
  comment: z.string().nullish(),
  answered: z.iso.datetime().nullish(),
  lastVisit: z.iso.datetime().nullish(),
});

/** A visit to the site. `user` is there where the visitor was signed in. */
export const Visit = z.object({
  id: z.string(),
  visitor: z.string(),
  user: z.string().nullish(),
  at: z.iso.datetime(),
  actions: z.int().min(0),
});

export type Customer = z.infer<typeof Customer>;

export const collections = {
  customers: collection({ schema: Customer }),
  visits: collection({ schema: Visit }),
};
