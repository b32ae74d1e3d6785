/**
 * A panel for development: what the client holds and waits for, a switch that takes its network away, and *verify*. It is an
 * entry of its own, so that an application that does not import it carries nothing of it.
 *
 * @module
 */
export { type NetworkSwitch, networkSwitch } from "./network.ts";
export { type PanelProps, TidemarkPanel } from "./panel.ts";
