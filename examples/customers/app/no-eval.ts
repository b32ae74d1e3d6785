// Zod compiles schemas where it may; the page's policy forbids that, and a browser would report each attempt.
import { config } from "zod";

config({ jitless: true });
